//! The tensors of a pickle's values by their keys: those of dictionaries, lists and whole modules, whatever their classes
//! are called.

use super::TorchFileError;
use super::items::DEEPEST;
use super::value::{Heap, Node, Value, wrong};

/// Longest key of a tensor in bytes.
const LONGEST_KEY: usize = 1000;
/// Most tensors of a file.
const MOST_TENSORS: usize = 30_000;
/// Values that are looked at: a few bytes may stand for any number of them.
const MOST_VALUES: usize = 4_000_000;
/// Skipped values that are named.
const NAMED: usize = 12;

/// The tensors of a value, and what in it is neither tensor nor plain data.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    /// Key, a dot between the names of each level, and the tensor's node.
    pub found: Vec<(String, Value)>,
    /// Where an object stands, and its class.
    pub skipped: Vec<(String, String)>,
    /// How many more there are.
    pub more_skipped: usize,
    /// Whether some of them are the attributes of a TorchScript module.
    pub script: bool,
    /// Whether tensors were passed over whose bytes are files of their own, as `pickle.dump` writes them.
    pub dumped: bool,
}

/// The tensors of a value: a dictionary of dictionaries, or a whole module, also one of TorchScript.
pub(super) fn tensors(heap: &mut Heap, root: Value) -> Result<Tensors, TorchFileError> {
    let mut search = Search { heap, path: String::new(), seen: 0, tensors: Tensors::default() };
    search.look(root, 0)?;
    Ok(search.tensors)
}

struct Search<'a> {
    heap: &'a mut Heap,
    path: String,
    seen: usize,
    tensors: Tensors,
}

/// The tables that every `torch.nn.Module` keeps.
const TABLES: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The Python package that TorchScript puts its classes into.
const SCRIPT: &[u8] = b"__torch__";

impl Search<'_> {
    fn look(&mut self, value: Value, depth: usize) -> Result<(), TorchFileError> {
        self.seen += 1;
        if depth > DEEPEST {
            return Err(wrong("its pickle holds too deep values"));
        }
        if self.seen > MOST_VALUES {
            return Err(wrong("its pickle holds too many values"));
        }
        if self.path.len() > LONGEST_KEY {
            return Err(wrong("its pickle has a name of more than 1000 bytes"));
        }
        if self.heap.entries(value).is_some() {
            let before = self.met();
            self.each_entry(value, depth)?;
            self.name_if_plain(value, before);
            return Ok(());
        }
        match self.heap.node(value) {
            Some(Node::List(_) | Node::Tuple(_)) => self.each_item(value, depth)?,
            Some(Node::View(_)) => {
                if self.tensors.found.len() >= MOST_TENSORS {
                    return Err(wrong(format!("its pickle holds more than {MOST_TENSORS} tensors")));
                }
                self.heap.budget.take(2 * self.path.len() + 4 * size_of::<(String, Value)>())?;
                self.tensors.found.push((self.path.clone(), value));
            }
            Some(Node::Object(_)) => self.object(value, depth)?,
            Some(Node::Class(..) | Node::Storage(_) | Node::Numpy(..)) => self.skip(value),
            Some(Node::Dict(_)) | None => {}
        }
        Ok(())
    }

    /// What was found and passed over so far.
    fn met(&self) -> usize {
        self.tensors.found.len() + self.tensors.skipped.len() + self.tensors.more_skipped
    }

    /// Names an object of a subclass of a dictionary or list that held nothing but plain values.
    fn name_if_plain(&mut self, value: Value, before: usize) {
        if self.met() == before && matches!(self.heap.node(value), Some(Node::Object(_))) {
            self.skip(value);
        }
    }

    fn each_entry(&mut self, value: Value, depth: usize) -> Result<(), TorchFileError> {
        let count = self.heap.entries(value).map_or(0, <[_]>::len);
        for i in 0..count {
            let Some((key, value)) = self.heap.entries(value).and_then(|e| e.get(i)).copied() else { break };
            self.below(key, value, depth)?;
        }
        Ok(())
    }

    fn each_item(&mut self, value: Value, depth: usize) -> Result<(), TorchFileError> {
        let count = self.heap.items(value).map_or(0, <[Value]>::len);
        for i in 0..count {
            let Some(item) = self.heap.items(value).and_then(|v| v.get(i)).copied() else { break };
            self.below(Value::Int(i as i64), item, depth)?;
        }
        Ok(())
    }

    /// A module is its tables, one of TorchScript its attributes, a list's subclass its items. What else an object has is
    /// of no interest.
    fn object(&mut self, value: Value, depth: usize) -> Result<(), TorchFileError> {
        let Some(Node::Object(object)) = self.heap.node(value) else { return Ok(()) };
        let (state, listed) = (object.state, !object.list.is_empty());
        let script = match self.heap.node(object.class) {
            Some(&Node::Class(_, module, _)) => {
                self.heap.raw(module) == SCRIPT || self.heap.raw(module).starts_with(&[SCRIPT, b"."].concat())
            }
            _ => false,
        };
        let before = self.met();
        let tables = TABLES.map(|table| self.heap.attribute(object, table));
        let non_persistent = self.heap.attribute(object, "_non_persistent_buffers_set");
        // The same attributes may be looked through for any number of objects.
        self.seen += self.heap.entries(state).map_or(0, <[_]>::len);
        match tables {
            [Some(parameters), Some(buffers), Some(modules)] => {
                self.module([parameters, buffers, modules], non_persistent, depth)?;
            }
            _ if script && self.heap.entries(state).is_some() => {
                self.tensors.script = true;
                self.each_entry(state, depth)?;
            }
            _ if listed => {
                self.each_item(value, depth)?;
                self.name_if_plain(value, before);
            }
            _ => self.skip(value),
        }
        Ok(())
    }

    /// What a module's `state_dict()` has: parameters and buffers of it and of those below, but no buffers that are
    /// not to be saved.
    fn module(
        &mut self,
        tables: [Value; 3],
        non_persistent: Option<Value>,
        depth: usize,
    ) -> Result<(), TorchFileError> {
        for (table, of) in tables.into_iter().zip(TABLES) {
            let count = self.heap.entries(table).map_or(0, <[_]>::len);
            for i in 0..count {
                let Some((key, value)) = self.heap.entries(table).and_then(|e| e.get(i)).copied() else { break };
                let left_out = |names: &[Value]| names.iter().any(|n| self.same_text(*n, key));
                let saved =
                    of != "_buffers" || !non_persistent.and_then(|names| self.heap.items(names)).is_some_and(left_out);
                if saved && value != Value::None {
                    self.below(key, value, depth)?;
                }
            }
        }
        Ok(())
    }

    fn same_text(&self, a: Value, b: Value) -> bool {
        matches!((a, b), (Value::Text(a), Value::Text(b)) if self.heap.raw(a) == self.heap.raw(b))
    }

    fn below(&mut self, key: Value, value: Value, depth: usize) -> Result<(), TorchFileError> {
        // Plain values are most of a file's, and of no interest.
        if !matches!(value, Value::Node(_)) {
            self.seen += 1;
            return Ok(());
        }
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        match key {
            Value::Text(span) => self.path.push_str(self.heap.text(span)),
            Value::Int(number) => self.path.push_str(&number.to_string()),
            _ => self.path.push('?'),
        }
        let looked = self.look(value, depth + 1);
        self.path.truncate(length);
        looked
    }

    fn skip(&mut self, value: Value) {
        if let Some(Node::Object(object)) = self.heap.node(value) {
            self.tensors.dumped |= self.heap.name(object.class) == "torch.storage._load_from_bytes";
        }
        if self.tensors.skipped.len() < NAMED {
            let class = self.heap.name(value);
            self.tensors.skipped.push((self.path.clone(), class));
        } else {
            self.tensors.more_skipped += 1;
        }
    }
}
