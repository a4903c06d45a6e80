// Read a file that regularization.web wrote, from the disk.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { parse } from "../../book/assets/living/files.js";

export const read = (path) => parse(new Uint8Array(gunzipSync(readFileSync(path))).buffer);
