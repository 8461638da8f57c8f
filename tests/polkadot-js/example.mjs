import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";

const url = process.argv[2] ?? "ws://127.0.0.1:9944";
const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });

const models = await api.query.programs.nextModelId();
console.log(`${models} models, ${(await api.query.computeJobs.offers.keys()).length} offers`);

const keyring = new Keyring({ type: "sr25519", ss58Format: 42 });
const [alice, bob] = ["//Alice", "//Bob"].map((uri) => keyring.addFromUri(uri));
const block = await new Promise((resolve, reject) => {
  api.tx.balances
    .transferKeepAlive(bob.address, 10n ** 12n) // 1 AUR
    .signAndSend(alice, { nonce: -1 }, ({ status, dispatchError }) => {
      if (dispatchError) reject(new Error(dispatchError.toString()));
      else if (status.isInBlock) resolve(status.asInBlock);
    })
    .catch(reject);
});
console.log(`in block ${block}`);
await api.disconnect();
