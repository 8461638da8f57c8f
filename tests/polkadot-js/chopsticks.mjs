// Chopsticks forks a running chain, checks its books on the fork, and builds blocks on it.
// Usage: node chopsticks.mjs [ws://127.0.0.1:9944], a node of a development build (fast-runtime),
// which has the runtime API ChainCheck.
import { parseArgs } from "node:util";
import { APPLY_EXTRINSIC_ERROR, ChopsticksProvider, setStorage, setup } from "@acala-network/chopsticks-core";
import { ApiPromise, Keyring } from "@polkadot/api";
import { hexToString } from "@polkadot/util";
import { expect, rpcOf, run } from "../harness.mjs";

const UNIT = 10n ** 12n;

const { positionals } = parseArgs({ allowPositionals: true });
const url = positionals[0] ?? "ws://127.0.0.1:9944";
const live = rpcOf(url);
const [alice, stranger] = ["//Alice", "//OnlyOnTheFork"].map((uri) =>
  new Keyring({ type: "sr25519", ss58Format: 42 }).addFromUri(uri),
);

const block = await live("chain_getFinalizedHead");
const fork = await setup({ endpoint: url, block, mockSignatureHost: false });
const api = await ApiPromise.create({ provider: new ChopsticksProvider(fork), noInitWarn: true });
const first = fork.head.number;

/** What `try_state` of all our pallets says of the head of the fork: nothing, or what is broken. */
const broken = async () => {
  const { result } = await fork.head.call("ChainCheck_check_state", []);
  const answer = api.createType("Result<(), Bytes>", result);
  return answer.isOk ? undefined : hexToString(answer.asErr.toHex());
};
const free = async ({ address }) => (await api.query.system.account(address)).data.free.toBigInt();

const tests = {
  "the fork begins at the block asked for": async () => {
    expect(fork.head.hash === block, `it begins at ${fork.head.hash}`);
    const jobs = await api.query.computeJobs.nextJobId();
    expect(jobs.toNumber() > 0, "there was never a job on this chain, and nothing to check");
    return `block ${first}`;
  },

  "try_state of our pallets holds on the fork": async () => {
    expect((await broken()) === undefined, await broken());
  },

  "a transfer on the fork arrives there, and only there": async () => {
    const transaction = api.tx.balances.transferKeepAlive(stranger.address, 1234n * UNIT);
    await transaction.signAsync(alice, { nonce: -1 });
    let refusal = "";
    fork.txPool.event.on(APPLY_EXTRINSIC_ERROR, ([, error]) => (refusal = error.toString()));
    const isIn = async (built) => (await built.extrinsics).includes(transaction.toHex());
    const transactions = [transaction.toHex()];
    // The first block of a session counts as full, and takes none.
    const included =
      (await isIn(await fork.newBlock({ transactions }))) ||
      (/exhaustsResources/.test(refusal) && (await isIn(await fork.newBlock({ transactions }))));
    expect(included, refusal);
    expect((await free(stranger)) === 1234n * UNIT, "it did not arrive");
    const there = await live("state_getStorage", [api.query.system.account.key(stranger.address)]);
    expect(there === null, "the account is on the chain that was forked, too");
  },

  "try_state holds after ten more blocks": async () => {
    const { number } = fork.head;
    for (let count = 0; count < 10; count += 1) await fork.newBlock();
    expect(fork.head.number === number + 10, `the head is ${fork.head.number}`);
    expect((await broken()) === undefined, await broken());
  },

  "try_state names what is broken on purpose": async () => {
    await setStorage(fork, [[api.query.programs.nextModelId.key(), `0x${"00".repeat(8)}`]]);
    const reason = await broken();
    expect(reason !== undefined, "nothing is broken, though there is a model that was never made");
    return reason;
  },
};

await run(tests, 120, async () => {
  await api.disconnect();
  await fork.close();
});
