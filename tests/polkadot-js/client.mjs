// The libraries of polkadot.js Apps read, send, and decode all there is, without types of ours.
// Usage: node client.mjs [ws://127.0.0.1:9944], a development chain with the keys of //Alice.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { stringToU8a, u8aConcat, u8aEq, u8aToHex } from "@polkadot/util";
import { expect, rpcOf, run } from "../harness.mjs";
import { typeBytes, variantBytes } from "./bytes.mjs";

const UNIT = 10n ** 12n;
const OURS = ["Programs", "ComputeJobs", "LabelBounties", "DataMarket", "Validators"];
/** Blocks whose state a node certainly still has. */
const KEPT = 200;
/** Blocks a job may take until it is paid. */
const JOB_BLOCKS = 60;

const { positionals } = parseArgs({ allowPositionals: true });
const url = positionals[0] ?? "ws://127.0.0.1:9944";
const api = await ApiPromise.create({
  provider: new WsProvider(url, 2500, {}, 15_000),
  noInitWarn: true,
  throwOnConnect: true,
});
const node = rpcOf(url);
const { registry } = api;
const pallets = registry.metadata.pallets;
const keyring = new Keyring({ type: "sr25519", ss58Format: 42 });
const [alice, bob, dave, eve, ferdie] = ["Alice", "Bob", "Dave", "Eve", "Ferdie"].map((name) =>
  keyring.addFromUri(`//${name}`),
);

const digits = new URL("../../examples/digits/", import.meta.url);
const model = JSON.parse(readFileSync(new URL("model.json", digits)));
const bytes32 = (byte) => new Uint8Array(32).fill(byte);

/** Sends a call and answers the events of its transaction, once a block has it. */
const send = (call, signer) =>
  new Promise((resolve, reject) => {
    call
      .signAndSend(signer, { nonce: -1 }, ({ status, events, dispatchError }) => {
        if (dispatchError) {
          const { section, name, docs } = dispatchError.isModule
            ? registry.findMetaError(dispatchError.asModule)
            : { section: "", name: dispatchError.toString(), docs: [] };
          reject(new Error(`${call.method.section}.${call.method.method}: ${section}.${name} ${docs}`));
        } else if (status.isInBlock) {
          resolve(events.map(({ event }) => event));
        } else if (status.isInvalid || status.isDropped || status.isUsurped) {
          reject(new Error(`the transaction is ${status.type}`));
        }
      })
      .catch(reject);
  });
const event = (events, section, method) => {
  const found = events.find((one) => one.section === section && one.method === method);
  if (!found) throw new Error(`no ${section}.${method} in ${events.map((e) => e.method)}`);
  return found.data;
};

const variantsOf = (type) => registry.lookup.getSiType(type).def.asVariant.variants;
const nameOf = (type) => registry.createLookupType(type);
/**
 * Types that not every run of bytes of the right form is a value of: an era whose phase is beyond
 * its period, and what has a type without values, or the account index, which this chain has not.
 */
const isOdd = (id) => {
  const { path, def } = registry.lookup.getSiType(id);
  const last = path.length > 0 ? path[path.length - 1].toString() : "";
  if (["Era", "MultiAddress"].includes(last)) return true;
  if (def.isCompact) return isEmpty(def.asCompact.type);
  if (def.isComposite) return def.asComposite.fields.some(({ type }) => isOdd(type));
  if (def.isSequence) return isOdd(def.asSequence.type);
  return def.isVariant && def.asVariant.variants.length === 0;
};
const isEmpty = (id) => {
  const { def } = registry.lookup.getSiType(id);
  return def.isTuple && def.asTuple.length === 0;
};

/** Decodes bytes as a type, which must be all of it, and give them back. */
const decode = (type, bytes, what = type) => {
  const decoded = registry.createTypeUnsafe(type, [bytes]);
  expect(u8aEq(decoded.toU8a(), bytes), `${what}: ${u8aToHex(bytes)} is read as ${decoded.toHex()}`);
  return decoded;
};

const job = {};
/** Does what the provider of the job owes, from a block on. Answers the job's events. */
const work = async (first) => {
  const seen = [];
  for (let number = first; number < first + JOB_BLOCKS; number += 1) {
    while ((await api.rpc.chain.getHeader()).number.toNumber() < number) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const at = await api.at(await api.rpc.chain.getBlockHash(number));
    for (const { event: { section, method, data } } of await at.query.system.events()) {
      if (section !== "computeJobs" || !data.job?.eq(job.id)) continue;
      seen.push(method);
      if (method === "ReplicaAssigned") await send(api.tx.computeJobs.accept(job.id), bob);
      if (method === "JobAdvanced" && data.status.isRunning) {
        const roots = model.trace.map((root) => `0x${root}`);
        await send(api.tx.computeJobs.reveal(job.id, bytes32(0), { Roots: roots }, null), bob);
      }
      if (method === "JobSettled") return seen;
    }
  }
  throw new Error(`only ${seen.join(", ")} in ${JOB_BLOCKS} blocks`);
};

const tests = {
  "it connects without types of ours": async () => {
    expect(api.runtimeVersion.specName.toString() === "athanor", "another chain");
    const names = pallets.map((pallet) => pallet.name.toString());
    for (const name of OURS) expect(names.includes(name), `no pallet ${name}`);
    expect(registry.chainTokens[0] === "AUR" && registry.chainDecimals[0] === 12, "no AUR of 12 decimals");
    return `metadata v${api.runtimeMetadata.version}, ${names.length} pallets`;
  },

  "every type of the metadata is decoded, each variant of it": async () => {
    let types = 0;
    let variants = 0;
    const skipped = registry.lookup.types.filter(({ id }) => isOdd(id)).length;
    expect(skipped < 10, `${skipped} types are left out`);
    for (const { id, type } of registry.lookup.types) {
      if (isOdd(id)) continue;
      const name = nameOf(id);
      if (!type.def.isVariant) {
        decode(name, typeBytes(registry.lookup, id));
        types += 1;
        continue;
      }
      for (const variant of type.def.asVariant.variants) {
        decode(name, variantBytes(registry.lookup, variant), `${name}.${variant.name}`);
        variants += 1;
      }
    }
    return `${types} types, ${variants} variants`;
  },

  "every call is decoded, by the runtime too": async () => {
    const calls = pallets.filter((pallet) => pallet.calls.isSome);
    let count = 0;
    for (const pallet of calls) {
      for (const variant of variantsOf(pallet.calls.unwrap().type)) {
        const name = `${pallet.name}.${variant.name}`;
        const bytes = u8aConcat(
          Uint8Array.of(pallet.index.toNumber()),
          variantBytes(registry.lookup, variant),
        );
        const call = decode("Call", bytes, name);
        const args = variant.fields.map((field) => field.name.unwrap().toString());
        expect(call.args.length === args.length, `${name} has other arguments than ${args}`);
        // The runtime decodes the call to weigh it, and traps on bytes that are none.
        await api.call.transactionPaymentCallApi.queryCallInfo(call, bytes.length).catch((error) => {
          throw new Error(`${name}: ${error.message}`);
        });
        count += 1;
      }
    }
    return `${count} calls of ${calls.length} pallets`;
  },

  "the runtime refuses a call that is none": async () => {
    const argument = u8aToHex(Uint8Array.of(255, 255, 0, 0, 0, 0));
    const refused = await node("state_call", ["TransactionPaymentCallApi_query_call_info", argument])
      .then(() => false, (error) => /trap/.test(error.message));
    expect(refused, "it was weighed");
  },

  "every event and every error has a name, and an event decodes to its fields": async () => {
    let events = 0;
    let errors = 0;
    for (const pallet of pallets) {
      for (const variant of pallet.events.isSome ? variantsOf(pallet.events.unwrap().type) : []) {
        const bytes = u8aConcat(
          Uint8Array.of(pallet.index.toNumber()),
          variantBytes(registry.lookup, variant),
        );
        const decoded = decode("Event", bytes, `${pallet.name}.${variant.name}`);
        expect(decoded.method === variant.name.toString(), `${pallet.name}.${variant.name} is ${decoded.method}`);
        expect(decoded.data.length === variant.fields.length, `${pallet.name}.${variant.name} lacks fields`);
        events += 1;
      }
      for (const variant of pallet.errors.isSome ? variantsOf(pallet.errors.unwrap().type) : []) {
        const found = registry.findMetaError({ index: pallet.index, error: variant.index });
        expect(found.name === variant.name.toString(), `${pallet.name}.${variant.name} is ${found.name}`);
        errors += 1;
      }
    }
    return `${events} events, ${errors} errors`;
  },

  "a transfer arrives and pays a fee": async () => {
    const free = async ({ address }) => (await api.query.system.account(address)).data.free.toBigInt();
    const before = [await free(alice), await free(bob)];
    const call = api.tx.balances.transferKeepAlive(bob.address, UNIT);
    const { partialFee } = await call.paymentInfo(alice);
    expect(partialFee.toBigInt() > 0n, "the fee is zero");
    const events = await send(call, alice);
    event(events, "balances", "Transfer");
    expect((await free(bob)) - before[1] === UNIT, "Bob did not get it");
    expect(before[0] - (await free(alice)) > UNIT, "Alice paid no fee");
  },

  "a model and a provider are registered, and a job created": async () => {
    const program = readFileSync(new URL("program.bin", digits));
    await send(api.tx.programs.registerProgram(u8aToHex(program)), dave);
    const roots = model.weights.map(({ root }) => `0x${root}`);
    const registered = await send(
      api.tx.programs.registerModel(`0x${model.program.hash}`, roots, "Apache-2.0", null, null),
      dave,
    );
    job.model = event(registered, "programs", "ModelRegistered").model;

    const consent = bob.sign(
      u8aConcat(stringToU8a("athanor/worker"), api.genesisHash.toU8a(), ferdie.publicKey),
    );
    const zero = { macs: 0, ops: 0, bytes: 0, nodes: 0, load: 0 };
    const offer = {
      rates: zero,
      minimum: UNIT / 100n,
      times: zero,
      bandwidth: 2n ** 40n,
      maxCost: 2n ** 64n - 1n,
      memory: 2n ** 64n - 1n,
      slots: 4,
      models: { AnyUpTo: 2n ** 64n - 1n },
      maxCollateral: 1_000n * UNIT,
      maxWindow: 2 ** 32 - 1,
      validUntil: 2 ** 32 - 1,
    };
    const provider = api.tx.utility.batchAll([
      api.tx.computeJobs.registerProvider(bob.address, "http://127.0.0.1:1", consent),
      api.tx.computeJobs.addBond(500n * UNIT),
      api.tx.computeJobs.setOffer(offer),
    ]);
    await send(provider, ferdie);

    const window = api.consts.computeJobs.minWindow.toNumber();
    const terms = {
      model: job.model,
      inputRoot: bytes32(7),
      batch: 1,
      policy: { Optimistic: { window, audit: 0 } },
      maxPay: UNIT / 100n,
      maxWait: 1000,
      minCollateral: 0,
      inlineOutput: false,
      keepReceipt: true,
      tip: 0,
    };
    const first = (await api.rpc.chain.getHeader()).number.toNumber();
    const created = await send(api.tx.computeJobs.createJob(terms), eve);
    job.id = event(created, "computeJobs", "JobCreated").job;
    job.ended = work(first);
    job.ended.catch(() => {}); // told by the test that waits for it
    return `job ${job.id} of model ${job.model}`;
  },

  "view functions are executed as runtime API calls": async () => {
    const view = async (pallet, name, ...args) => {
      const functions = pallets.find((one) => one.name.eq(pallet)).viewFunctions;
      const { id, inputs, output } = functions.find((one) => one.name.eq(name));
      const input = inputs.map(({ type }, at) => registry.createTypeUnsafe(nameOf(type), [args[at]]).toU8a());
      const queryId = { prefix: id.slice(0, 16), suffix: id.slice(16) };
      const answer = await api.call.runtimeViewFunction.executeViewFunction(queryId, u8aToHex(u8aConcat(...input)));
      expect(answer.isOk, `${pallet}.${name}: ${answer}`);
      return registry.createTypeUnsafe(nameOf(output), [answer.asOk.toU8a(true)]);
    };
    const one = await view("ComputeJobs", "job", job.id);
    expect(one.isSome, `there is no job ${job.id}`);
    expect(one.unwrap().job.requester.eq(eve.address), "the job is somebody else's");
    expect((await view("ComputeJobs", "job", 4294967295n)).isNone, "there is a job 4294967295");
    expect((await view("ComputeJobs", "offers")).length === 1, "there is not one offer");
  },

  "a labelling campaign is created and a batch opened": async () => {
    const terms = {
      label: { Classification: { classes: 2 } },
      tasks: 32,
      gold: 4,
      panelMin: 3,
      panelMax: 5,
      pay: UNIT / 100n,
      score: { phiBp: 3000, s0Bp: 4000, s1Bp: 9500, floorBp: 1875, goldTargetBp: 6667 },
      stake: 2500,
      lease: 2400,
      joinDelay: 0,
      serveGroup: false,
      gate: "Open",
      voucherKey: null,
      sealKey: null,
      domain: null,
      guideline: bytes32(0),
      private: false,
      shareRevenue: false,
      disputeFor: 0,
      judging: null,
    };
    const created = await send(api.tx.labelBounties.createCampaign(terms, "https://labels.example"), eve);
    const { campaign } = event(created, "labelBounties", "CampaignCreated");
    const until = (await api.query.labelBounties.clock()).toNumber() + 4800;
    const opened = await send(
      api.tx.labelBounties.openBatch(campaign, bytes32(8), bytes32(9), 2, until, null),
      eve,
    );
    return `batch ${event(opened, "labelBounties", "BatchOpened").batch}`;
  },

  "goods are listed, sealed and ordered": async () => {
    await send(
      api.tx.utility.batchAll([
        api.tx.dataMarket.register("https://data.example", null),
        api.tx.dataMarket.bond(100n * UNIT),
      ]),
      dave,
    );
    const terms = {
      xRoot: bytes32(17),
      length: 2 ** 20,
      cardRoot: bytes32(18),
      licenceRoot: bytes32(19),
      uses: { dataMining: "Allowed", aiTraining: "Allowed", generativeTraining: "NotAllowed", inference: "Constrained" },
      price: 5n * UNIT,
      restricted: false,
      revealWindow: api.consts.dataMarket.defaultRevealWindow,
      disputeWindow: api.consts.dataMarket.defaultDisputeWindow.addn(1),
      samples: 16,
      shares: [{ to: { Account: dave.address }, units: 10_000 }],
      derive: 500,
      supersedes: null,
    };
    const { listing } = event(await send(api.tx.dataMarket.list(terms), dave), "dataMarket", "Listed");
    const seal = api.tx.dataMarket.seal(listing, new Uint8Array(16).fill(1), bytes32(20), bytes32(21));
    const { sealId } = event(await send(seal, dave), "dataMarket", "Sealed");
    const order = api.tx.dataMarket.order(listing, sealId, 5n * UNIT, eve.publicKey, null);
    return `order ${event(await send(order, eve), "dataMarket", "Ordered").order}`;
  },

  "the job is accepted, its results revealed, and paid after its window": async () =>
    (await job.ended).join(", "),

  "every block and every event of the chain is read to the last byte": async () => {
    const last = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
    const found = new Set();
    let extrinsics = 0;
    for (let number = Math.max(1, last - KEPT); number <= last; number += 1) {
      const hash = await api.rpc.chain.getBlockHash(number);
      const [block, raw, encoded, events] = await Promise.all([
        api.rpc.chain.getBlock(hash),
        node("chain_getBlock", [hash.toHex()]),
        node("state_getStorage", [api.query.system.events.key(), hash.toHex()]),
        api.at(hash).then((at) => at.query.system.events()),
      ]);
      block.block.extrinsics.forEach((extrinsic, at) => {
        expect(extrinsic.toHex() === raw.block.extrinsics[at], `extrinsic ${at} of block ${number}`);
        extrinsics += 1;
      });
      expect(events.toHex() === encoded, `the events of block ${number}`);
      for (const { event: one } of events) found.add(`${one.section}.${one.method}`);
    }
    for (const pallet of ["programs", "computeJobs", "labelBounties", "dataMarket"]) {
      expect([...found].some((name) => name.startsWith(`${pallet}.`)), `no event of ${pallet}`);
    }
    return `${Math.min(last, KEPT)} blocks, ${extrinsics} extrinsics, ${found.size} kinds of events`;
  },

  "everything our pallets store is read to the last byte": async () => {
    const hash = (await api.rpc.chain.getFinalizedHead()).toHex();
    let values = 0;
    for (const pallet of OURS) {
      const name = pallet[0].toLowerCase() + pallet.slice(1);
      for (const [item, entry] of Object.entries((await api.at(hash)).query[name])) {
        if (item === "palletVersion") continue;
        const isMap = entry.creator.meta.type.isMap;
        const pairs = isMap ? await entry.entries() : [[entry.key(), await entry()]];
        for (const [key, value] of pairs) {
          const hex = typeof key === "string" ? key : key.toHex();
          const raw = await node("state_getStorage", [hex, hash]);
          if (raw === null) continue;
          const inner = value.isSome ? value.unwrap() : value;
          expect(u8aToHex(inner.toU8a()) === raw, `${pallet}.${item} ${hex}`);
          values += 1;
        }
      }
    }
    expect(values > 20, `only ${values} values`);
    return `${values} values`;
  },
};

await run(tests, 200, () => api.disconnect());
