//! The fuzzer's bytes, read as choices.

/// Bytes that are taken from the front; zeros behind their end.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Choices(data)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A number below `bound`, which is above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound
    }

    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Changes bytes, at up to eight places, as long as there are choices: a bit, a cut, something put in or left out.
    pub fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..8 {
            if self.is_over() {
                return;
            }
            let (what, at) = (self.byte(), self.below(bytes.len() + 1));
            let length = usize::from(what >> 2) % 40;
            match what & 3 {
                0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (what >> 5)),
                1 => drop(bytes.splice(at..at, self.take(length).iter().copied())),
                2 => drop(bytes.drain(at..bytes.len().min(at + length))),
                _ => {
                    let new = self.take(length);
                    let end = bytes.len().min(at + new.len());
                    drop(bytes.splice(at..end, new.iter().copied()));
                }
            }
        }
    }
}
