//! The same messages with their fields in another order. Fields of one number keep theirs: that means something.

/// At each depth, the numbers of those fields that are messages and are put in another order, too.
pub(crate) const METRICS: [&[u32]; 6] = [&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1], &[]];
/// The same for spans.
pub(crate) const TRACES: [&[u32]; 4] = [&[1], &[2], &[2], &[]];

/// Fields of higher numbers come first.
pub(crate) fn reversed(bytes: &[u8], depths: &[&[u32]]) -> Vec<u8> {
    sorted(bytes, depths, &|number, _| (0, u32::MAX - number))
}

/// The first field of each number comes first, then the second of each, so that repeated ones do not stand together.
pub(crate) fn mixed(bytes: &[u8], depths: &[&[u32]]) -> Vec<u8> {
    sorted(bytes, depths, &|number, place| (place, u32::MAX - number))
}

fn sorted(bytes: &[u8], depths: &[&[u32]], key: &dyn Fn(u32, usize) -> (usize, u32)) -> Vec<u8> {
    let Some((messages, deeper)) = depths.split_first() else {
        return bytes.to_vec();
    };
    let mut fields: Vec<((usize, u32), Vec<u8>)> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let tag = varint(bytes, &mut at);
        let number = (tag >> 3) as u32;
        let mut field = None;
        match tag & 7 {
            0 => drop(varint(bytes, &mut at)),
            1 => at += 8,
            5 => at += 4,
            _ => {
                let length = varint(bytes, &mut at) as usize;
                if messages.contains(&number) {
                    let inner = sorted(&bytes[at..at + length], deeper, key);
                    let mut whole = bytes[start..start + 1].to_vec();
                    assert!(tag < 0x80 && inner.len() == length, "only the order changes");
                    prost::encoding::encode_varint(length as u64, &mut whole);
                    whole.extend(inner);
                    field = Some(whole);
                }
                at += length;
            }
        }
        let place = seen.entry(number).or_insert(0);
        fields.push((key(number, *place), field.unwrap_or_else(|| bytes[start..at].to_vec())));
        *place += 1;
    }
    fields.sort_by_key(|(key, _)| *key);
    fields.into_iter().flat_map(|(_, field)| field).collect()
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut rest = &bytes[*at..];
    let value = prost::encoding::decode_varint(&mut rest).expect("a number");
    *at = bytes.len() - rest.len();
    value
}
