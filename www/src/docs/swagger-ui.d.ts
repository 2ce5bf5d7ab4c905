/** As much of the viewer as is used here: the package brings no types. */
declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  interface Options {
    readonly domNode: HTMLElement;
    readonly spec: unknown;
    readonly presets: readonly unknown[];
    readonly plugins: readonly unknown[];
    readonly layout: string;
    readonly deepLinking: boolean;
    readonly docExpansion: "list" | "full" | "none";
    readonly defaultModelsExpandDepth: number;
    readonly filter: boolean;
    readonly supportedSubmitMethods: readonly string[];
    readonly validatorUrl: null;
  }
  interface SwaggerUI {
    (options: Options): unknown;
    readonly presets: { readonly apis: unknown };
  }
  const swaggerUI: SwaggerUI;
  export default swaggerUI;
}
