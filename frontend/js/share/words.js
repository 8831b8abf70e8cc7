// The texts of sharing.

import en from "../../../public/locales/share/en.json";
import ja from "../../../public/locales/share/ja.json";
import { speaker } from "../workbench/speak.js";

export const { say, element } = speaker(en, ja);
