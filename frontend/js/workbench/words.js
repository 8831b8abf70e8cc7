// The texts of the editor's tools, from the same files as all others.

import { workbench as en } from "../../../public/locales/en.json";
import { workbench as ja } from "../../../public/locales/ja.json";
import { speaker } from "./speak.js";

export const { say, element } = speaker(en, ja);
