// Writes a chain's metadata, version 16, as tools that generate code read it.
// Usage: node metadata.mjs ws://127.0.0.1:9944 FILE
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rpcOf } from "./harness.mjs";

const [url, file] = process.argv.slice(2);
const answer = await rpcOf(url)("state_call", ["Metadata_metadata_at_version", "0x10000000"]);
const bytes = Buffer.from(answer.slice(2), "hex");
// An Option of bytes: 1, then a compact length of four bytes (mode 2), then "meta".
const metadata = bytes.subarray(5);
if (bytes[0] !== 1 || metadata.subarray(0, 4).toString() !== "meta") {
  throw new Error("the runtime gives no metadata of version 16");
}
// An unchanged file is left alone, and nothing is generated again.
if (!existsSync(file) || !readFileSync(file).equals(metadata)) writeFileSync(file, metadata);
