// The packages of the stock client: those beside this program, or where the variable says.

import { createRequire } from "node:module";

const installed = process.env.CHAT_NODE_MODULES;
const require = createRequire(installed ? `${installed}/` : import.meta.url);

export const { io } = require("socket.io-client");
export const msgpack = require("socket.io-msgpack-parser");
