// Every code block of the clients' guide that names a file of this folder is found there, word for
// word, so that what the guide shows is what the tests run.
import { readFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const guide = "docs/guides/clients.md";
const text = readFileSync(new URL(guide, root), "utf8");

let blocks = 0;
for (const [, path, block] of text.matchAll(/^From `(tests\/[^`]+)`:\n\n```\w+\n([^]*?)^```$/gm)) {
  const lines = (body) => body.trim().split("\n").map((line) => line.trim());
  const wanted = lines(block);
  const file = lines(readFileSync(new URL(path, root), "utf8"));
  const found = file.some((_, at) => wanted.every((line, next) => file[at + next] === line));
  if (!found) {
    console.error(`${guide}: this is not in ${path}:\n${block}`);
    process.exit(1);
  }
  blocks += 1;
}
if (blocks === 0) {
  console.error(`${guide}: it has no block of a test`);
  process.exit(1);
}
console.log(`${guide}: ${blocks} blocks as the tests run them`);
