/** What of the viewer's inside is used here. */
interface System {
  readonly React: {
    createElement(type: unknown, props: Record<string, unknown> | null, ...children: unknown[]): unknown;
  };
  getComponent(name: string, connected?: boolean): unknown;
}

/** The layout that `layout` names. */
export const LAYOUT = "KeyveilLayout";

/**
 * The viewer without its own header (the page has one), without choice of servers and keys (nothing is sent from here), and without
 * links inside buttons, which keyboards and screen readers can't tell apart.
 */
export function keyveilPlugin(system: System) {
  const { createElement } = system.React;
  const layout = (): unknown =>
    createElement(
      "div",
      { className: "swagger-ui" },
      createElement(system.getComponent("FilterContainer", true), null),
      createElement(system.getComponent("operations", true), null),
      createElement(system.getComponent("Models", true), null),
    );
  const deepLink = () => (props: { text: unknown }) => createElement("span", null, props.text);
  return {
    components: { [LAYOUT]: layout },
    wrapComponents: { DeepLink: deepLink },
  };
}
