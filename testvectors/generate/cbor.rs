//! CBOR (RFC 8949) for what the library does not write: maps that are nearly right.

/// The head of an item in shortest form.
fn head(major: u8, argument: u64) -> Vec<u8> {
    let bytes = argument.to_be_bytes();
    let (information, length) = match argument {
        0..24 => return vec![major << 5 | argument as u8],
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    [&[major << 5 | information], &bytes[8 - length..]].concat()
}

pub fn uint(value: u64) -> Vec<u8> {
    head(0, value)
}

/// The integer -1 - `value`.
pub fn negative(value: u64) -> Vec<u8> {
    head(1, value)
}

pub fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u64), value.to_vec()].concat()
}

pub fn text(value: &str) -> Vec<u8> {
    [head(3, value.len() as u64), value.as_bytes().to_vec()].concat()
}

/// A map of unsigned keys, in the order of the keys.
#[derive(Clone)]
pub struct Fields(Vec<(u64, Vec<u8>)>);

impl Fields {
    /// The keys 1, 2, 3 and so on with these values.
    pub fn new(values: Vec<Vec<u8>>) -> Self {
        Fields((1..).zip(values).collect())
    }

    /// With another value of a key, or one more key at the end.
    pub fn with(&self, key: u64, value: Vec<u8>) -> Self {
        let mut fields = self.without(key);
        let place = fields.0.partition_point(|(other, _)| *other < key);
        fields.0.insert(place, (key, value));
        fields
    }

    pub fn without(&self, key: u64) -> Self {
        Fields(self.0.iter().filter(|(other, _)| *other != key).cloned().collect())
    }

    /// The first two keys in the other order.
    pub fn unordered(&self) -> Vec<u8> {
        let mut fields = self.clone();
        fields.0.swap(0, 1);
        fields.encode()
    }

    pub fn encode(&self) -> Vec<u8> {
        [head(5, self.0.len() as u64), self.content()].concat()
    }

    /// As a map of indefinite length.
    pub fn indefinite(&self) -> Vec<u8> {
        [vec![0xbf], self.content(), vec![0xff]].concat()
    }

    fn content(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(key, value)| [uint(*key), value.clone()].concat()).collect()
    }
}
