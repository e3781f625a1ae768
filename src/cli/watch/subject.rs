//! What is watched, and what is asked about it.

use std::collections::BTreeMap;

use tnlog::block::Block;
use tnlog::client::lookup::Question;
use tnlog::label::Label;
use tnlog::number::{Number, ServiceProviderCode};

/// What is watched.
pub enum Subject {
    /// A number.
    Number(Number),
    /// A service provider code.
    Code(ServiceProviderCode),
}

/// The labels of all blocks that cover a number, by the digits and their free ones.
pub fn covering(number: &Number) -> BTreeMap<Label, String> {
    let digits = number.digits();
    let block = |length: usize| {
        let free = digits.len() - length;
        let block = Block::new(&digits[..length], u8::try_from(free).ok()?).ok()?;
        Some((Label::of_block(&block), format!("{}{}", &digits[..length], "x".repeat(free))))
    };
    (1..=digits.len()).filter_map(block).collect()
}

/// What is asked about a label.
pub fn question_of(label: Label) -> Question {
    Question::of_labels(&[label])
}

/// All blocks below the calling code and so many digits more, and those above.
pub fn blocks_question(number: &Number, digits: usize) -> Question {
    let code = number.calling_code().map_or(1, |code| code.to_string().len());
    let prefix: String = number.digits().chars().take(code.saturating_add(digits)).collect();
    let at = (1..prefix.len()).map(|length| prefix[..length].to_owned()).collect();
    Question { below: vec![prefix], at, ..Question::default() }
}
