import sys

import sr25519
from async_substrate_interface import SubstrateInterface
from scalecodec.utils.ss58 import ss58_encode

DEV_SEED = bytes.fromhex("fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e")


class Key:
    """A development key like //Alice. The library asks for these five names, and has no keys itself."""

    crypto_type = 1  # sr25519
    ss58_format = 42

    def __init__(self, name):
        pair = sr25519.pair_from_seed(DEV_SEED)
        junction = bytes([4 * len(name)]) + name.encode()
        self.pair = sr25519.hard_derive_keypair((junction.ljust(32, b"\0"), *pair), b"")[1:]
        self.public_key = self.pair[0]
        self.ss58_address = ss58_encode(self.public_key, 42)

    def sign(self, data):
        data = bytes.fromhex(data[2:]) if isinstance(data, str) else bytes(data)
        return sr25519.sign(self.pair, data)


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9944"
    with SubstrateInterface(url=url, ss58_format=42) as chain:
        print(chain.query("Programs", "NextModelId"), "models")
        bob = Key("Bob").ss58_address
        call = chain.compose_call("Balances", "transfer_keep_alive", {"dest": bob, "value": 10**12})
        signed = chain.create_signed_extrinsic(call=call, keypair=Key("Alice"))
        receipt = chain.submit_extrinsic(signed, wait_for_inclusion=True)
        print("in block", receipt.block_hash, "and", "done" if receipt.is_success else receipt.error_message)
