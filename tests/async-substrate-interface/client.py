"""Python's async-substrate-interface reads and sends, by its asynchronous half.

Usage: client.py [ws://127.0.0.1:9944], a development chain with the keys of //Alice.
"""

import asyncio
import sys

from async_substrate_interface import AsyncSubstrateInterface
from example import Key

UNIT = 10**12
STEP_LIMIT = 60
ALICE, BOB = Key("Alice"), Key("Bob")


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


async def value(query):
    answer = await query
    return getattr(answer, "value", answer)


async def free(chain, key):
    account = await value(chain.query("System", "Account", [key.ss58_address]))
    return account["data"]["free"]


async def transfer(chain, amount):
    call = await chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": amount}
    )
    signed = await chain.create_signed_extrinsic(call=call, keypair=ALICE)
    return await chain.submit_extrinsic(signed, wait_for_inclusion=True)


async def it_knows_the_chain(chain):
    version = await chain.get_constant("System", "Version")
    version = getattr(version, "value", version)
    expect(version["spec_name"] == "athanor", f"the specification is {version['spec_name']}")


async def a_transfer_arrives_and_pays_a_fee(chain):
    before = [await free(chain, key) for key in (ALICE, BOB)]
    receipt = await transfer(chain, UNIT)
    expect(await receipt.is_success, f"it failed: {await receipt.error_message}")
    after = [await free(chain, key) for key in (ALICE, BOB)]
    expect(after[1] - before[1] == UNIT, f"Bob got {after[1] - before[1]}")
    expect(before[0] - after[0] > UNIT, "Alice paid no fee")
    names = [(event["module_id"], event["event_id"]) for event in await events_of(receipt)]
    expect(("Balances", "Transfer") in names, f"no event of the transfer in {names}")


async def events_of(receipt):
    return [getattr(event, "value", event) for event in await receipt.triggered_events]


async def a_transfer_of_too_much_fails(chain):
    receipt = await transfer(chain, await free(chain, ALICE) + UNIT)
    expect(not await receipt.is_success, "it succeeded")
    error = await receipt.error_message
    expect(error["name"], f"the error has no name: {error}")


async def models_jobs_campaigns_and_listings_are_read(chain):
    for pallet, item, least in (
        ("Programs", "Models", 1),
        ("ComputeJobs", "Offers", 1),
        ("LabelBounties", "Campaigns", 1),
        ("DataMarket", "Listings", 1),
    ):
        found = [pair async for pair in await chain.query_map(pallet, item)]
        expect(len(found) >= least, f"{len(found)} of {pallet}.{item}")
        print(f"        {pallet}.{item}: {len(found)}")


async def the_events_of_the_last_blocks_are_read(chain):
    head = await chain.get_block_number(await chain.get_chain_finalised_head())
    for number in range(max(1, head - 20), head + 1):
        events = await chain.get_events(await chain.get_block_hash(number))
        expect(len(events) > 0, f"block {number} has no events")


async def our_rpc_methods_answer(chain):
    offers = (await chain.rpc_request("compute_offers", []))["result"]["offers"]
    expect(isinstance(offers, list), f"the answer is {offers}")


async def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9944"
    tests = (
        it_knows_the_chain,
        a_transfer_arrives_and_pays_a_fee,
        a_transfer_of_too_much_fails,
        models_jobs_campaigns_and_listings_are_read,
        the_events_of_the_last_blocks_are_read,
        our_rpc_methods_answer,
    )
    failed = 0
    async with AsyncSubstrateInterface(url=url, ss58_format=42) as chain:
        for test in tests:
            name = test.__name__.replace("_", " ")
            try:
                await asyncio.wait_for(test(chain), STEP_LIMIT)
                print(f"ok      {name}")
            except Exception as error:  # every failure is counted, of whatever kind
                failed += 1
                print(f"FAILED  {name}\n        {type(error).__name__}: {error}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
