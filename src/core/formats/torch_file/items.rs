//! A pickle's values as plain items.

use super::value::{Heap, Node, Value, View, wrong};
use super::{Item, Tensor, TorchFileError};

/// Deeper nesting than this is no data of anybody.
pub(super) const DEEPEST: usize = 64;

/// Gives the bytes of a tensor, whose storage has this key.
pub(super) type Bytes<'a> = &'a mut dyn FnMut(&View, &[u8]) -> Result<Vec<u8>, TorchFileError>;

/// A value as plain data.
pub(super) fn item(heap: &mut Heap, value: Value, bytes: Bytes<'_>) -> Result<Item, TorchFileError> {
    Items { heap, bytes }.item(value, 0)
}

struct Items<'a> {
    heap: &'a mut Heap,
    bytes: Bytes<'a>,
}

impl Items<'_> {
    fn item(&mut self, value: Value, depth: usize) -> Result<Item, TorchFileError> {
        if depth > DEEPEST {
            return Err(wrong("its pickle holds too deep values"));
        }
        let held = match value {
            Value::Text(span) | Value::Bytes(span) => span.length as usize,
            _ => 0,
        };
        self.heap.budget.take(size_of::<Item>() + held)?;
        Ok(match value {
            Value::None => Item::None,
            Value::Bool(value) => Item::Bool(value),
            Value::Int(value) => Item::Int(value),
            Value::Float(value) => Item::Float(value),
            Value::Long(_) => return Err(wrong("its pickle has an integer beyond 64 bits")),
            Value::Text(span) => Item::Text(self.heap.text(span).to_owned()),
            Value::Bytes(span) => Item::Bytes(self.heap.raw(span).to_vec()),
            Value::Node(_) => return self.node(value, depth),
        })
    }

    fn node(&mut self, value: Value, depth: usize) -> Result<Item, TorchFileError> {
        if let Some(entries) = self.heap.entries(value) {
            let (at, count) = (|heap: &Heap, i| heap.entries(value).and_then(|e| e.get(i)).copied(), entries.len());
            let mut items = Vec::new();
            for i in 0..count {
                let Some((key, value)) = at(self.heap, i) else { break };
                items.push((self.item(key, depth + 1)?, self.item(value, depth + 1)?));
            }
            return Ok(Item::Dict(items));
        }
        match self.heap.node(value) {
            Some(Node::List(_)) => Ok(Item::List(self.items(value, depth)?)),
            Some(Node::Tuple(_)) => Ok(Item::Tuple(self.items(value, depth)?)),
            Some(Node::View(view)) => {
                let (dtype, shape) = (view.dtype, view.shape.clone());
                Ok(Item::Tensor(Tensor { dtype, shape, bytes: (self.bytes)(view, self.heap.raw(view.storage.key))? }))
            }
            _ => Err(wrong(format!("its pickle holds {} in place of a value", self.heap.name(value)))),
        }
    }

    fn items(&mut self, value: Value, depth: usize) -> Result<Vec<Item>, TorchFileError> {
        let mut items = Vec::new();
        let count = self.heap.items(value).map_or(0, <[Value]>::len);
        for i in 0..count {
            let Some(item) = self.heap.items(value).and_then(|v| v.get(i)).copied() else { break };
            items.push(self.item(item, depth + 1)?);
        }
        Ok(items)
    }
}
