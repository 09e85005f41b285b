// The pages' own style sheet, which React hoists into the head and loads once.

import { h, ours } from "./react.js";

export function Style() {
  return h("link", { rel: "stylesheet", href: ours("web/style.css"), precedence: "default" });
}
