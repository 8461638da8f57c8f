// A light client, smoldot, joins the network of a running node, and a wallet works through it.
// Usage: node light-client.mjs [ws://127.0.0.1:9944], a development node that also listens for peers
// on a WebSocket. The JSON-RPC address gives the specification and what to compare with; everything
// that is checked comes over the peer-to-peer port, with proofs.
import { parseArgs } from "node:util";
import { webcrypto } from "node:crypto";
import { expect, rpcOf, run } from "../harness.mjs";

globalThis.crypto ??= webcrypto;
const { createClient, Enum } = await import("polkadot-api");
const { getSmProvider } = await import("polkadot-api/sm-provider");
const { getPolkadotSigner } = await import("polkadot-api/signer");
const { start } = await import("polkadot-api/smoldot");
const { sr25519CreateDerive } = await import("@polkadot-labs/hdkd");
const { DEV_PHRASE, entropyToMiniSecret, mnemonicToEntropy, ss58Address } = await import(
  "@polkadot-labs/hdkd-helpers"
);

const UNIT = 1_000_000_000_000n;

const { positionals } = parseArgs({ allowPositionals: true });
const url = positionals[0] ?? "ws://127.0.0.1:9944";
const full = rpcOf(url);

const derive = sr25519CreateDerive(entropyToMiniSecret(mnemonicToEntropy(DEV_PHRASE)));
const [alice, bob] = ["//Alice", "//Bob"].map(derive);
const address = (pair) => ss58Address(pair.publicKey, 42);

const addresses = (await full("system_localListenAddresses")).filter((one) => one.includes("/ws/"));
const spec = await full("sync_state_genSyncSpec", [true]);
// Nothing but the genesis is believed: without a checkpoint it takes the way of the warp proofs.
delete spec.lightSyncState;
spec.bootNodes = addresses;

const smoldot = start({ maxLogLevel: 2, logCallback: () => {} });
const client = createClient(getSmProvider(() => smoldot.addChain({ chainSpec: JSON.stringify(spec) })));
const api = client.getUnsafeApi();

/** Reads a key at one finalised block through the light client and from the full node. */
const compare = async (key) => {
  const { hash } = await client.getFinalizedBlock();
  const [light, node] = await Promise.all([
    client.rawQuery(key, { at: hash }),
    full("state_getStorage", [key, hash]),
  ]);
  expect((light ?? null) === node, `${key}: the light client has ${light}, the node ${node}`);
  return light;
};

const tests = {
  "the node listens for light clients": async () => {
    expect(addresses.length > 0, "no WebSocket among its peer-to-peer addresses");
  },

  "the light client follows the chain to its finalised head": async () => {
    const genesis = await full("chain_getBlockHash", [0]);
    expect((await client.getChainSpecData()).genesisHash === genesis, "another genesis");
    const head = async () =>
      Number((await full("chain_getHeader", [await full("chain_getFinalizedHead")])).number);
    const goal = await head();
    for (;;) {
      const { number, hash } = await client.getFinalizedBlock();
      if (number >= goal && number > 0) {
        expect((await full("chain_getBlockHash", [number])) === hash, `another block ${number}`);
        return `block ${number}`;
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  },

  "the balance it proves is the node's": async () => {
    const key = await api.query.System.Account.getKey(address(alice));
    const value = await compare(key);
    expect(value?.length > 100, `an account is not ${value}`);
  },

  "the values of our pallets it proves are the node's": async () => {
    for (const [pallet, item] of [
      ["Programs", "NextModelId"],
      ["ComputeJobs", "NextJobId"],
      ["LabelBounties", "NextCampaignId"],
      ["DataMarket", "NextListingId"],
    ]) {
      await compare(await api.query[pallet][item].getKey());
    }
  },

  "it proves that there is no job 4294967295": async () => {
    const key = await api.query.ComputeJobs.Jobs.getKey(4294967295n);
    expect(!(await compare(key)), "there is one");
  },

  "it executes a view function itself": async () => {
    const offers = await api.view.ComputeJobs.offers();
    expect(Array.isArray(offers), `the answer is ${offers}`);
  },

  "with the node's checkpoint it starts at a later block": async () => {
    for (;;) {
      const lines = [];
      const logCallback = (level, target, message) => lines.push(message);
      const other = start({ maxLogLevel: 3, logCallback });
      const chainSpec = JSON.stringify({
        ...(await full("sync_state_genSyncSpec", [true])),
        bootNodes: addresses,
      });
      await other.addChain({ chainSpec });
      await other.terminate();
      const [, number] = /starting at: \S+ \(#(\d+)\)/.exec(lines.join("\n")) ?? [];
      expect(number !== undefined, `it says only: ${lines}`);
      if (Number(number) > 0) return `block ${number}`;
      // A checkpoint takes two epochs; before that it starts at the genesis, whatever it is given.
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  },

  "a transfer sent through it is finalised": async () => {
    const free = async (who) => (await api.query.System.Account.getValue(address(who))).data.free;
    const before = await free(bob);
    const signer = getPolkadotSigner(alice.publicKey, "Sr25519", alice.sign);
    const result = await api.tx.Balances.transfer_keep_alive({
      dest: Enum("Id", address(bob)),
      value: UNIT,
    }).signAndSubmit(signer);
    expect(result.ok, "the transfer failed");
    expect((await free(bob)) - before === UNIT, "Bob did not get it");
  },
};

await run(tests, 150, async () => {
  client.destroy();
  await smoldot.terminate();
});
