// A program that is spoken to in lines of JSON: {id, op, ...} on standard input, {id, result | error} on standard output.
// Calls run side by side, so that one may wait for what another brings about. It ends when its input does.
// The first argument is the folder of the installed packages: they lie outside this one.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const load = createRequire(`${process.argv[2]}/`);

export function serve(operations, described) {
  const answer = (id, told) => process.stdout.write(`${JSON.stringify({ id, ...told })}\n`);
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      const { id, op, ...told } = JSON.parse(line);
      try {
        answer(id, { result: (await operations[op](told)) ?? null });
      } catch (error) {
        answer(id, { error: { name: error.name, message: error.message, ...described(error) } });
      }
    })
    .on("close", () => process.exit(0));
}
