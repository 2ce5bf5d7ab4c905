import "./styles/base.css";
import "./styles/home.css";
import { mountShell } from "./shell/shell.ts";

mountShell("home");
