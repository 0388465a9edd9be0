//! Values of a pickle while it is read. They lie in one arena and name each other by number: recalling one from the memo
//! copies sixteen bytes, a list may hold itself, and nothing is dropped recursively.

use super::{Dtype, TorchFileError};

/// A part of the bytes: of the pickle itself, or of those that were decoded from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub length: u32,
}

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

/// A value on the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An integer of more than 64 bits, as it stands in the file.
    Long(Span),
    Text(Span),
    Bytes(Span),
    Node(NodeId),
}

/// A value that holds others.
#[derive(Debug)]
pub(super) enum Node {
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A class or function: what it is known as, its module and its name.
    Class(Option<Known>, Span, Span),
    Object(Box<Object>),
    Storage(Box<Storage>),
    View(Box<View>),
    /// A NumPy type in NumPy's letters, and whether its numbers are big-endian.
    Numpy(Span, bool),
}

/// Classes and functions that something is known of: most build plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// `OrderedDict`, `dict`, `Counter`, `defaultdict`.
    Dict,
    /// `list`, `set`, `frozenset`, `deque`.
    List,
    Tensor,
    TensorV3,
    /// Functions whose first argument is their value here: a tensor's parameter, a value with its type.
    First,
    FromType,
    Storage(Dtype),
    /// Bytes per value of a type that nothing here computes with.
    OpaqueStorage(usize),
    UntypedStorage,
    NumpyType,
    NumpyScalar,
    Encode,
    /// `getattr`.
    Attribute,
    /// What makes something that may be called itself: `functools.partial`, or a function from its code.
    Callable,
    /// Functions that call their arguments: `map`.
    Applier,
    /// Functions that make an object of the class that is their first argument.
    New,
    /// What runs or loads code when it is called.
    Runs,
}

/// What a call gave that nobody makes here: never built, kept by the name of what was called.
#[derive(Debug)]
pub(super) struct Object {
    pub class: Value,
    /// The tuple of what the class was called with.
    pub arguments: Value,
    pub list: Vec<Value>,
    pub dict: Vec<(Value, Value)>,
    pub state: Value,
}

/// What a storage's bytes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Holds {
    Typed(Dtype),
    /// Bytes whose type each tensor says itself.
    Untyped,
    /// Values of this many bytes that nothing here computes with: complex and quantised ones. The storage's class.
    Opaque(usize, Value),
}

impl Holds {
    /// Bytes of what a storage counts.
    pub fn size(self) -> usize {
        match self {
            Self::Typed(dtype) => dtype.size(),
            Self::Untyped => 1,
            Self::Opaque(size, _) => size,
        }
    }
}

/// The bytes of one or more tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    pub holds: Holds,
    pub key: Span,
    /// Values, or bytes where there is no type.
    pub count: usize,
    /// Where the tensors' offsets begin, in values: old files name a part of another storage so.
    pub from: usize,
}

/// A tensor on its storage, in values.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub storage: Storage,
    pub dtype: Dtype,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub stride: Vec<usize>,
}

pub(super) fn wrong(why: impl Into<String>) -> TorchFileError {
    TorchFileError::Pickle(why.into())
}

/// The memory that reading may still take. Everything that a few bytes of a file can make large is charged here before
/// it is allocated.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// For a pickle of this many bytes: what plain data of that size takes at most, and room for small files. The first
    /// megabytes get less for each byte, so that small files can't take much.
    pub fn of(bytes: u64) -> Self {
        const ROOM: usize = 16 << 20;
        const SMALL: usize = 4 << 20;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self(ROOM + 6 * bytes.min(SMALL) + bytes.saturating_sub(SMALL).saturating_mul(16))
    }

    pub fn take(&mut self, bytes: usize) -> Result<(), TorchFileError> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| wrong("its pickle holds too many values for its size"))?;
        Ok(())
    }

    /// Gives back what was taken for something that is gone again.
    pub fn give(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// Room for `more` values behind a vector's.
    pub fn grow<T>(&mut self, vec: &mut Vec<T>, more: usize) -> Result<(), TorchFileError> {
        let needed = vec.len().saturating_add(more);
        if needed > vec.capacity() {
            let target = needed.max(2 * vec.capacity());
            self.take((target - vec.capacity()).saturating_mul(size_of::<T>()))?;
            vec.reserve_exact(target - vec.len());
        }
        Ok(())
    }
}

/// The arena.
#[derive(Debug)]
pub(super) struct Heap {
    /// What was read of the pickle.
    pub bytes: Vec<u8>,
    /// Texts and bytes that were decoded from it.
    decoded: Vec<u8>,
    nodes: Vec<Node>,
    pub budget: Budget,
}

/// Spans of decoded bytes count from here: no pickle is as large.
const DECODED: u32 = 1 << 31;

impl Heap {
    pub fn new(budget: Budget) -> Self {
        Self { bytes: Vec::new(), decoded: Vec::new(), nodes: Vec::new(), budget }
    }

    /// A new node. `held` are the bytes that it holds elsewhere.
    pub fn add(&mut self, node: Node, held: usize) -> Result<Value, TorchFileError> {
        // What an allocation costs besides its bytes.
        const ALLOCATION: usize = 16;
        self.budget.take(if held > 0 { held.saturating_add(ALLOCATION) } else { 0 })?;
        self.budget.grow(&mut self.nodes, 1)?;
        let id = u32::try_from(self.nodes.len()).map_err(|_| wrong("its pickle holds too many values"))?;
        self.nodes.push(node);
        Ok(Value::Node(NodeId(id)))
    }

    pub fn node(&self, value: Value) -> Option<&Node> {
        if let Value::Node(NodeId(id)) = value { self.nodes.get(id as usize) } else { None }
    }

    /// All storages that the pickle names.
    pub fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.nodes.iter().filter_map(|node| if let Node::Storage(storage) = node { Some(&**storage) } else { None })
    }

    /// A node, and the budget for letting it grow.
    pub fn node_mut(&mut self, value: Value) -> Option<(&mut Node, &mut Budget)> {
        let Value::Node(NodeId(id)) = value else { return None };
        Some((self.nodes.get_mut(id as usize)?, &mut self.budget))
    }

    /// Keeps bytes that don't stand in the pickle as they are.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<Span, TorchFileError> {
        self.budget.grow(&mut self.decoded, bytes.len())?;
        let start = DECODED + self.decoded.len() as u32;
        self.decoded.extend_from_slice(bytes);
        Ok(Span { start, length: bytes.len() as u32 })
    }

    /// Keeps two names with a dot between them.
    pub fn keep_path(&mut self, first: Span, second: Span) -> Result<Span, TorchFileError> {
        self.budget.take((first.length as usize).saturating_add(second.length as usize))?;
        let path = format!("{}.{}", self.text(first), self.text(second));
        let kept = self.keep(path.as_bytes());
        self.budget.give(path.len() - 1);
        kept
    }

    pub fn raw(&self, span: Span) -> &[u8] {
        let (from, start) =
            if span.start < DECODED { (&self.bytes, span.start) } else { (&self.decoded, span.start - DECODED) };
        from.get(start as usize..).and_then(|rest| rest.get(..span.length as usize)).unwrap_or_default()
    }

    /// A text; its bytes were seen to be UTF-8 when its value was made.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.raw(span)).unwrap_or_default()
    }

    /// The items of a list or tuple, or of an object of a subclass.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match self.node(value)? {
            Node::List(items) | Node::Tuple(items) => Some(items),
            Node::Object(object) if !object.list.is_empty() => Some(&object.list),
            _ => None,
        }
    }

    /// The entries of a dictionary, or of an object of a subclass: what was put into it, or the dictionary that it was
    /// made of.
    pub fn entries(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.node(value)? {
            Node::Dict(entries) => Some(entries),
            Node::Object(object) if !object.dict.is_empty() => Some(&object.dict),
            Node::Object(object) => match (self.node(object.arguments)?, &object.list[..]) {
                (Node::Tuple(arguments), []) if arguments.len() == 1 => match self.node(arguments[0])? {
                    Node::Dict(entries) if !entries.is_empty() => Some(entries),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// An object's attribute: of its state (a dictionary, or a tuple that ends with the one of the slots), or of the
    /// dictionary that it was made of.
    pub fn attribute(&self, object: &Object, name: &str) -> Option<Value> {
        let within = |holder: &Value| match self.node(*holder)? {
            Node::Tuple(parts) => parts.iter().take(2).find_map(|part| self.entry(*part, name)),
            _ => self.entry(*holder, name),
        };
        [object.state, object.arguments].iter().find_map(within)
    }

    /// What a class or function is known as.
    pub fn known(&self, value: Value) -> Option<Known> {
        if let Some(Node::Class(known, ..)) = self.node(value) { *known } else { None }
    }

    /// The value of a dictionary's entry; the last of several counts, as in Python.
    pub fn entry(&self, value: Value, key: &str) -> Option<Value> {
        let is = |v: &(Value, Value)| matches!(v.0, Value::Text(text) if self.raw(text) == key.as_bytes());
        self.entries(value)?.iter().rev().find(|e| is(e)).map(|e| e.1)
    }

    /// The name of a class, of a function, or of an object's class.
    pub fn name(&self, value: Value) -> String {
        const LONGEST: usize = 80;
        let mut value = value;
        // Objects may have been made by calling objects.
        for _ in 0..8 {
            match self.node(value) {
                Some(Node::Object(object)) => value = object.class,
                Some(Node::Class(_, module, name)) => {
                    let name = format!("{}.{}", self.text(*module), self.text(*name));
                    return name.chars().take(LONGEST).filter(|c| !c.is_control()).collect();
                }
                Some(Node::Storage(_)) => return "a storage".to_owned(),
                Some(Node::View(_)) => return "a tensor".to_owned(),
                Some(Node::Numpy(..)) => return "numpy.dtype".to_owned(),
                _ => break,
            }
        }
        "an object".to_owned()
    }
}
