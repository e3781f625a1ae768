//! DER as a tree that can be changed and written again with right lengths.

/// A value: its tag, and its content. An OCTET STRING whose content is DER is shown as that.
#[derive(Clone)]
pub struct Node {
    pub tag: u8,
    pub content: Content,
}

#[derive(Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    Nodes(Vec<Node>),
}

/// The values of `bytes`, one behind the other.
pub fn read(bytes: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut rest = bytes;
    let mut nodes = Vec::new();
    while !rest.is_empty() {
        let (tag, length, after) = head(rest)?;
        let content = after.get(..length)?;
        rest = &after[length..];
        let inner = (depth > 0 && !content.is_empty() && (tag & 0x20 != 0 || tag == 4))
            .then(|| read(content, depth - 1));
        let content = inner.flatten().map_or_else(|| Content::Bytes(content.to_vec()), Content::Nodes);
        nodes.push(Node { tag, content });
    }
    Some(nodes)
}

fn head(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let width = match first {
        0..=0x7f => return Some((tag, first.into(), rest)),
        0x81..=0x83 => usize::from(first & 3),
        _ => return None,
    };
    let (length, rest) = rest.split_at_checked(width)?;
    Some((tag, length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest))
}

/// The bytes of these values.
pub fn write(nodes: &[Node]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for node in nodes {
        let content = match &node.content {
            Content::Bytes(content) => content.clone(),
            Content::Nodes(nodes) => write(nodes),
        };
        bytes.push(node.tag);
        match content.len() {
            length @ 0..=0x7f => bytes.push(length as u8),
            length @ 0x80..=0xff => bytes.extend([0x81, length as u8]),
            length @ 0x100..=0xffff => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
            length => bytes.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
        }
        bytes.extend(content);
    }
    bytes
}

/// How many values there are, at every depth.
pub fn count(nodes: &[Node]) -> usize {
    let inner = |node: &Node| match &node.content {
        Content::Nodes(nodes) => count(nodes),
        Content::Bytes(_) => 0,
    };
    nodes.iter().map(|node| 1 + inner(node)).sum()
}

/// Gives the list that the `place`th value stands in, counted in reading order, and its position there, to `change`.
pub fn at(nodes: &mut Vec<Node>, place: &mut usize, change: &mut impl FnMut(&mut Vec<Node>, usize)) -> bool {
    for position in 0..nodes.len() {
        if *place == 0 {
            change(nodes, position);
            return true;
        }
        *place -= 1;
        if let Content::Nodes(inner) = &mut nodes[position].content
            && at(inner, place, change)
        {
            return true;
        }
    }
    false
}
