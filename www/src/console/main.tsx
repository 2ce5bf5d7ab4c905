import "../styles/base.css";
import "../styles/console.css";
import { render } from "preact";
import { translate } from "../i18n/i18n.ts";
import { required } from "../shared/dom.ts";
import { App } from "./app.tsx";
import { loadAccount } from "./state/account.ts";

translate(document);
render(<App />, required("#app", HTMLElement));
void loadAccount();
