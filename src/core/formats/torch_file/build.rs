//! What the calls of a pickle build: plain data and tensors for names of the allow-list, an inert object for others.

use super::machine::Machine;
use super::value::{Holds, Known, Node, Object, Span, Storage, Value, View, wrong};
use super::{Dtype, TorchFileError};
use crate::core::data::names::escape;

/// PyTorch's own limit for dimensions.
const MOST_DIMENSIONS: usize = 64;

impl Machine<'_> {
    /// A class or function by its name. Nothing is looked up: it stays a name.
    pub(super) fn named(&mut self, module: Span, name: Span) -> Result<(), TorchFileError> {
        let known = Known::of(self.heap.text(module), self.heap.text(name));
        let value = self.heap.add(Node::Class(known, module, name), 0)?;
        self.push(value)
    }

    /// What a call gives, or a class's `__new__`.
    pub(super) fn call(&mut self, class: Value, arguments: Value) -> Result<(), TorchFileError> {
        let value = match self.heap.node(class) {
            Some(Node::Class(Some(known), ..)) => self.built(class, *known, arguments)?,
            Some(Node::Object(_)) if self.is_callable(class) => match self.bound(class) {
                Some(new) => self.inert(new, arguments)?,
                None => return Err(TorchFileError::Call(self.callable(class))),
            },
            Some(Node::Object(_) | Node::Class(None, ..)) => self.inert(class, arguments)?,
            _ => return Err(wrong("its pickle calls what is no function")),
        };
        self.push(value)
    }

    /// An object that nobody makes here. A function that runs code must not be handed to another one either, and nothing
    /// that can be called to one that calls it.
    fn inert(&mut self, class: Value, arguments: Value) -> Result<Value, TorchFileError> {
        // More arguments than any function takes that calls one of them.
        const LOOKED_AT: usize = 8;
        let applied = self.heap.known(class) == Some(Known::Applier);
        let called = |v: Value| self.runs(v) || applied && self.is_callable(v);
        let mut handed = self.heap.items(arguments).unwrap_or_default().iter().take(LOOKED_AT).copied();
        if let Some(handed) = handed.find(|&argument| called(argument)) {
            let call = format!("{} with {}", self.heap.name(class), self.callable(handed));
            return Err(TorchFileError::Call(call));
        }
        self.new_object(class, arguments)
    }

    /// A bound method, a `partial`, a function that was made from its code.
    fn is_callable(&self, value: Value) -> bool {
        let Some(Node::Object(object)) = self.heap.node(value) else { return false };
        matches!(self.heap.known(object.class), Some(Known::Attribute | Known::Callable))
    }

    /// The `__new__` that a `partial` calls: protocols 2 and 3 make objects so whose `__new__` takes keywords.
    fn bound(&self, partial: Value) -> Option<Value> {
        let Some(Node::Object(object)) = self.heap.node(partial) else { return None };
        let first = *self.heap.items(object.arguments)?.first()?;
        let Some(Node::Class(None, _, name)) = self.heap.node(first) else { return None };
        self.heap.text(*name).ends_with(".__new__").then_some(first)
    }

    fn new_object(&mut self, class: Value, arguments: Value) -> Result<Value, TorchFileError> {
        let object = Object { class, arguments, list: Vec::new(), dict: Vec::new(), state: Value::None };
        self.heap.add(Node::Object(Box::new(object)), size_of::<Object>())
    }

    /// Whether a value runs code when it is called, perhaps by way of `partial`.
    fn runs(&self, value: Value) -> bool {
        let mut value = value;
        for _ in 0..8 {
            match self.heap.node(value) {
                Some(Node::Object(object)) if self.heap.known(object.class) == Some(Known::Callable) => {
                    let Some(first) = self.heap.items(object.arguments).and_then(|a| a.first()) else { return false };
                    value = *first;
                }
                _ => return self.heap.known(value) == Some(Known::Runs),
            }
        }
        true
    }

    /// How a function, a bound method or a `partial` is named in messages.
    fn callable(&self, value: Value) -> String {
        let Some(Node::Object(object)) = self.heap.node(value) else { return self.heap.name(value) };
        let first = self.heap.items(object.arguments).and_then(|a| a.first()).map(|f| self.heap.name(*f));
        let of = first.unwrap_or_else(|| "nothing".to_owned());
        match self.heap.items(object.arguments) {
            Some(&[_, Value::Text(attribute), ..]) if self.heap.known(object.class) == Some(Known::Attribute) => {
                let attribute: String = self.heap.text(attribute).chars().take(80).collect();
                format!("{} of {of}, '{}'", self.heap.name(value), escape(attribute.as_bytes()))
            }
            _ => format!("{} of {of}", self.heap.name(value)),
        }
    }

    /// An attribute of a class is named like a class below it, which is what old protocols write it for; one of an object
    /// stays an object.
    fn attribute(&mut self, getattr: Value, arguments: Value) -> Result<Value, TorchFileError> {
        let class = match self.heap.items(arguments) {
            Some(&[holder, Value::Text(name), ..]) => match self.heap.node(holder) {
                Some(&Node::Class(_, module, class)) => Some((module, class, name)),
                _ => None,
            },
            _ => None,
        };
        let Some((module, class, name)) = class else { return self.new_object(getattr, arguments) };
        let path = self.heap.keep_path(class, name)?;
        let known = Known::of(self.heap.text(module), self.heap.text(path));
        self.heap.add(Node::Class(known, module, path), 0)
    }

    fn built(&mut self, class: Value, known: Known, arguments: Value) -> Result<Value, TorchFileError> {
        let Some(parts) = self.heap.items(arguments) else {
            return Err(wrong("its pickle calls a function without its arguments"));
        };
        match (known, parts) {
            (Known::Dict, parts) => {
                let entries = parts.first().map_or(Some(Vec::new()), |first| self.entries_of(*first));
                // `defaultdict(list)`: the factory is of no interest.
                let entries = entries.unwrap_or_default();
                let held = entries.len() * 2 * size_of::<Value>();
                self.heap.add(Node::Dict(entries), held)
            }
            (Known::List, parts) => {
                let items = parts.first().and_then(|first| self.heap.items(*first)).unwrap_or_default().to_vec();
                let held = items.len() * size_of::<Value>();
                self.heap.add(Node::List(items), held)
            }
            // A view that stands for minus its values, or for their conjugates, without having them.
            (Known::Tensor, &[_, _, _, _, _, _, metadata, ..])
            | (Known::TensorV3, &[_, _, _, _, _, _, _, metadata, ..])
                if self
                    .heap
                    .entries(metadata)
                    .is_some_and(|m| m.iter().any(|(_, on)| matches!(on, Value::Bool(true)))) =>
            {
                self.inert(class, arguments)
            }
            (Known::Tensor, &[storage, offset, shape, stride, ..]) => self.view((storage, None), offset, shape, stride),
            (Known::TensorV3, &[storage, offset, shape, stride, _, _, dtype, ..]) => match self.dtype(dtype) {
                Some(dtype) => self.view((storage, Some(dtype)), offset, shape, stride),
                None => self.inert(dtype, arguments),
            },
            (Known::First, &[value, ..]) => Ok(value),
            (Known::FromType, &[function, _, arguments, ..]) => match self.heap.node(function) {
                Some(Node::Class(Some(known), ..)) if !matches!(known, Known::FromType) => {
                    self.built(function, *known, arguments)
                }
                _ => self.inert(function, arguments),
            },
            (Known::NumpyType, &[Value::Text(name), ..]) => self.heap.add(Node::Numpy(name, false), 0),
            (Known::NumpyScalar, &[kind, Value::Bytes(bytes)]) => match self.scalar(kind, bytes) {
                Some(value) => Ok(value),
                None => self.inert(kind, arguments),
            },
            (Known::Encode, &[Value::Text(text), ..]) => self.latin1(text),
            (Known::Runs, _) => Err(TorchFileError::Call(self.heap.name(class))),
            (Known::Attribute, _) => self.attribute(class, arguments),
            (Known::Callable, _) => self.new_object(class, arguments),
            (Known::New, &[of, ..]) => {
                let contents = parts.iter().skip(1).take(2).copied();
                let contents = contents.filter(|c| matches!(self.heap.node(*c), Some(Node::Dict(_) | Node::List(_))));
                self.made(of, contents.take(1).collect())
            }
            _ => self.inert(class, arguments),
        }
    }

    /// An object of a class, with the dictionary or list that protocols 0 and 1 give the subclasses of these.
    fn made(&mut self, class: Value, contents: Vec<Value>) -> Result<Value, TorchFileError> {
        let held = contents.len() * size_of::<Value>();
        let arguments = self.heap.add(Node::Tuple(contents), held)?;
        match self.heap.known(class) {
            Some(known @ (Known::Dict | Known::List | Known::Runs)) => self.built(class, known, arguments),
            _ => self.inert(class, arguments),
        }
    }

    /// The entries of a dictionary, or of a list of pairs.
    fn entries_of(&self, value: Value) -> Option<Vec<(Value, Value)>> {
        if let Some(entries) = self.heap.entries(value) {
            return Some(entries.to_vec());
        }
        let pair = |item: &Value| match self.heap.items(*item)? {
            &[key, value] => Some((key, value)),
            _ => None,
        };
        self.heap.items(value)?.iter().map(pair).collect()
    }

    /// `torch.uint16` and others.
    fn dtype(&self, value: Value) -> Option<Dtype> {
        let Some(Node::Class(None, module, name)) = self.heap.node(value) else { return None };
        if self.heap.text(*module) != "torch" {
            return None;
        }
        Dtype::of_torch(self.heap.text(*name))
    }

    fn view(
        &mut self,
        (storage, dtype): (Value, Option<Dtype>),
        offset: Value,
        shape: Value,
        stride: Value,
    ) -> Result<Value, TorchFileError> {
        let mut storage = match self.heap.node(storage) {
            Some(Node::Storage(of)) => **of,
            // A storage that was put into the pickle some other way than by `torch.save`.
            Some(Node::Object(_)) => return Ok(storage),
            _ => return Err(wrong("its pickle has a tensor without a storage")),
        };
        let without = || wrong("its pickle has a tensor without a shape");
        let (offset, shape, stride) = (
            size(offset).ok_or_else(without)?,
            self.sizes(shape).ok_or_else(without)?,
            self.sizes(stride).ok_or_else(without)?,
        );
        let dtype = match (storage.holds, dtype) {
            (Holds::Opaque(_, class), _) => return self.new_object(class, Value::None),
            (Holds::Typed(of_storage), None) => of_storage,
            (Holds::Typed(of_storage), Some(asked)) if of_storage == asked => asked,
            (Holds::Untyped, Some(asked)) => {
                storage.count /= asked.size();
                asked
            }
            _ => return Err(wrong("its pickle has a tensor of another type than its storage")),
        };
        let offset = offset.checked_add(storage.from).ok_or_else(without)?;
        let view = View { storage, dtype, offset, shape, stride };
        // Shape and strides are allocations of their own, however small.
        let held = size_of::<View>() + 2 * (32 + size_of::<usize>() * view.shape.len());
        self.heap.add(Node::View(Box::new(view)), held)
    }

    fn sizes(&self, value: Value) -> Option<Vec<usize>> {
        let items = self.heap.items(value).filter(|items| items.len() <= MOST_DIMENSIONS)?;
        items.iter().map(|item| size(*item)).collect()
    }

    /// The bytes that a text stands for whose characters are all below 256.
    fn latin1(&mut self, text: Span) -> Result<Value, TorchFileError> {
        let bytes: Option<Vec<u8>> = self.heap.text(text).chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let bytes = bytes.ok_or_else(|| wrong("its pickle has bytes that are none"))?;
        Ok(Value::Bytes(self.heap.keep(&bytes)?))
    }

    /// A NumPy number of a little-endian machine.
    fn scalar(&self, kind: Value, bytes: Span) -> Option<Value> {
        let Some(&Node::Numpy(name, big)) = self.heap.node(kind) else { return None };
        let bytes = self.heap.raw(bytes);
        if big {
            return None;
        }
        Some(match (self.heap.text(name), bytes) {
            ("b1", [byte]) => Value::Bool(*byte != 0),
            ("f8", _) => Value::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
            ("f4", _) => Value::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
            ("f2", _) => Value::Float(half::f16::from_le_bytes(bytes.try_into().ok()?).to_f64()),
            ("i8", _) => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            ("i4", _) => Value::Int(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            ("i2", _) => Value::Int(i16::from_le_bytes(bytes.try_into().ok()?).into()),
            ("i1", [byte]) => Value::Int(byte.cast_signed().into()),
            ("u1", [byte]) => Value::Int((*byte).into()),
            ("u4", _) => Value::Int(u32::from_le_bytes(bytes.try_into().ok()?).into()),
            ("u8", _) => Value::Int(i64::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()?),
            _ => return None,
        })
    }

    /// Attributes: those of a NumPy type say its byte order, an object keeps them, those of others are of no interest.
    pub(super) fn furnish(&mut self, state: Value) -> Result<(), TorchFileError> {
        let top = self.top()?;
        let big = self.heap.items(state).and_then(|s| s.get(1)).is_some_and(
            |order| matches!(order, Value::Text(text) if !matches!(self.heap.text(*text), "<" | "|" | "=")),
        );
        match self.heap.node_mut(top) {
            Some((Node::Object(object), _)) => object.state = state,
            Some((Node::Numpy(_, endian), _)) => *endian = big,
            Some(_) => {}
            None => return Err(wrong("its pickle sets attributes of what has none")),
        }
        Ok(())
    }

    /// A storage: `('storage', class, key, location, count)`, in old files with `(key, offset, count)` of the part that
    /// it is of another. Or the class of a whole network, which old files keep with its source text:
    /// `('module', class, file, text)`.
    pub(super) fn stored(&mut self, id: Value) -> Result<(), TorchFileError> {
        let unknown = || wrong("its pickle has a storage of unknown kind");
        let (tag, class, rest) = match self.heap.items(id) {
            Some(&[Value::Text(tag), class, ref rest @ ..]) => (self.heap.raw(tag), class, rest),
            _ => return Err(unknown()),
        };
        if tag == b"module" && matches!(self.heap.node(class), Some(Node::Class(..))) {
            return self.push(class);
        }
        let &[Value::Text(key), _, count, ref more @ ..] = rest else { return Err(unknown()) };
        let holds = match self.heap.known(class) {
            Some(Known::Storage(dtype)) => Holds::Typed(dtype),
            Some(Known::UntypedStorage) => Holds::Untyped,
            Some(Known::OpaqueStorage(size)) => Holds::Opaque(size, class),
            _ => return Err(unknown()),
        };
        if tag != b"storage" {
            return Err(unknown());
        }
        let part = more.first().copied().unwrap_or(Value::None);
        let count = size(count).ok_or_else(|| wrong("its pickle has a storage without a size"))?;
        let from = match (part, self.heap.items(part)) {
            (Value::None, _) => 0,
            (_, Some(&[_, offset, _])) if holds != Holds::Untyped => size(offset).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        let storage = Storage { holds, key, count, from };
        let value = self.heap.add(Node::Storage(Box::new(storage)), size_of::<Storage>())?;
        self.push(value)
    }
}

fn size(value: Value) -> Option<usize> {
    if let Value::Int(value) = value { usize::try_from(value).ok() } else { None }
}
