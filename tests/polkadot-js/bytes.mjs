// Bytes of a value of any type, made from a chain's metadata alone: what a library is given to
// decode must not come from that library.
import { compactToU8a, u8aConcat } from "@polkadot/util";

const SIZES = { Bool: 1, Char: 4, U8: 1, U16: 2, U32: 4, U64: 8, U128: 16, U256: 32, I8: 1, I16: 2, I32: 4, I64: 8, I128: 16, I256: 32 };
/** Below it lists are empty, so that types that hold themselves have an end. */
const DEEPEST = 12;

/** Fields of a variant, after its index. */
export const variantBytes = (lookup, variant, depth = 0) =>
  u8aConcat(
    Uint8Array.of(variant.index.toNumber()),
    ...variant.fields.map(({ type }) => typeBytes(lookup, type, depth + 1)),
  );

/** A value with one element in each list and the first variant of each enum; numbers are small. */
export const typeBytes = (lookup, id, depth = 0) => {
  const { def } = lookup.getSiType(id);
  const inner = (type) => typeBytes(lookup, type, depth + 1);
  if (def.isComposite) return u8aConcat(...def.asComposite.fields.map(({ type }) => inner(type)));
  if (def.isTuple) return u8aConcat(...def.asTuple.map(inner));
  if (def.isArray) return u8aConcat(...Array(def.asArray.len.toNumber()).fill(inner(def.asArray.type)));
  if (def.isSequence) {
    return depth > DEEPEST ? compactToU8a(0) : u8aConcat(compactToU8a(1), inner(def.asSequence.type));
  }
  if (def.isCompact) return compactToU8a(1);
  if (def.isBitSequence) return u8aConcat(compactToU8a(1), Uint8Array.of(1));
  if (def.isVariant) {
    const [first] = [...def.asVariant.variants].sort((a, b) => a.index.toNumber() - b.index.toNumber());
    if (!first) throw new Error(`type ${id} has no value`);
    return variantBytes(lookup, first, depth);
  }
  if (def.asPrimitive.isStr) return Uint8Array.of(4, 97);
  const size = SIZES[def.asPrimitive.type];
  return Uint8Array.from({ length: size }, (_, at) => (at === 0 ? 1 : 0));
};
