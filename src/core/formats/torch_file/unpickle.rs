//! The reading half of pickles: the opcodes that `torch.save` uses, and a handful of calls by their names.

use super::storage::{Storage, View};
use super::{Dtype, Item, TorchFileError};

/// Deeper nesting than this is no data of anybody, but would overflow the stack.
const DEEPEST: u32 = 64;
/// Values of a pickle, copies that it makes through its memo included.
const MOST: usize = 4_000_000;

/// What is on the stack.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A plain value; its lists, tuples and dictionaries are those below.
    Plain(Item),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Call(Call),
    Storage(Storage),
    View(View),
    /// A number's type in NumPy's letters, e.g. `i8`.
    Numpy(String),
}

/// The calls that build plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    OrderedDict,
    RebuildTensor,
    Storage(Dtype),
    NumpyType,
    NumpyScalar,
    Encode,
}

impl Call {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "collections\nOrderedDict\n" => Self::OrderedDict,
            "torch._utils\n_rebuild_tensor_v2\n" => Self::RebuildTensor,
            "numpy\ndtype\n" => Self::NumpyType,
            "numpy.core.multiarray\nscalar\n" | "numpy._core.multiarray\nscalar\n" => Self::NumpyScalar,
            "_codecs\nencode\n" => Self::Encode,
            _ => Self::Storage(Dtype::STORAGES.iter().find(|(_, storage)| *storage == name)?.0),
        })
    }
}

/// A value, and how deep it is nested.
#[derive(Clone, Debug)]
struct Slot {
    value: Value,
    depth: u32,
}

impl From<Item> for Slot {
    fn from(item: Item) -> Self {
        Self { value: Value::Plain(item), depth: 0 }
    }
}

pub(super) fn wrong(why: impl Into<String>) -> TorchFileError {
    TorchFileError::Pickle(why.into())
}

/// Reads a pickle.
pub(super) fn read(bytes: &[u8]) -> Result<Value, TorchFileError> {
    let mut machine = Machine { left: bytes, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), values: 0 };
    while !machine.step()? {}
    Ok(machine.pop()?.value)
}

struct Machine<'a> {
    left: &'a [u8],
    stack: Vec<Slot>,
    marks: Vec<usize>,
    memo: Vec<Option<Slot>>,
    /// How many values were made.
    values: usize,
}

impl Machine<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], TorchFileError> {
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(|| wrong("its pickle ends too early"))?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TorchFileError> {
        self.take(N)?.try_into().map_err(|_| wrong("its pickle ends too early"))
    }

    fn byte(&mut self) -> Result<usize, TorchFileError> {
        Ok(self.array::<1>()?[0].into())
    }

    fn length(&mut self) -> Result<usize, TorchFileError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn text(&mut self, count: usize) -> Result<String, TorchFileError> {
        String::from_utf8(self.take(count)?.to_vec()).map_err(|_| wrong("its pickle has a text that is not UTF-8"))
    }

    fn line(&mut self) -> Result<String, TorchFileError> {
        let end = self.left.iter().position(|&b| b == b'\n').ok_or_else(|| wrong("its pickle ends too early"))?;
        self.text(end + 1)
    }

    fn pop(&mut self) -> Result<Slot, TorchFileError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(wrong("its pickle takes a value that isn't there"));
        }
        self.stack.pop().ok_or_else(|| wrong("its pickle takes a value that isn't there"))
    }

    fn push(&mut self, slot: impl Into<Slot>) -> Result<(), TorchFileError> {
        let slot = slot.into();
        self.values += 1;
        if self.values > MOST || slot.depth > DEEPEST {
            return Err(wrong("its pickle holds too many values, or too deep ones"));
        }
        self.stack.push(slot);
        Ok(())
    }

    /// The values since the last mark.
    fn group(&mut self) -> Result<Vec<Slot>, TorchFileError> {
        let from = self.marks.pop().ok_or_else(|| wrong("its pickle ends a group that has not begun"))?;
        Ok(self.stack.split_off(from.min(self.stack.len())))
    }

    fn tuple(&mut self, slots: Vec<Slot>) -> Result<(), TorchFileError> {
        let depth = slots.iter().map(|s| s.depth + 1).max().unwrap_or(0);
        self.push(Slot { value: Value::Tuple(slots.into_iter().map(|s| s.value).collect()), depth })
    }

    fn last(&mut self, count: usize) -> Result<(), TorchFileError> {
        let mut slots = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        slots.reverse();
        self.tuple(slots)
    }

    /// One opcode; whether it was the last.
    fn step(&mut self) -> Result<bool, TorchFileError> {
        match self.array::<1>()?[0] {
            0x80 => _ = self.byte()?,
            0x95 => _ = self.array::<8>()?,
            b'.' => return Ok(true),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => _ = self.pop()?,
            b'1' => _ = self.group()?,
            b'N' => self.push(Item::None)?,
            0x88 => self.push(Item::Bool(true))?,
            0x89 => self.push(Item::Bool(false))?,
            code @ (b'J' | b'K' | b'M' | 0x8a | b'G') => self.number(code)?,
            code @ (b'X' | 0x8c | b'U' | b'B' | b'C') => self.string(code)?,
            b']' => self.push(Slot { value: Value::List(Vec::new()), depth: 0 })?,
            b'}' => self.push(Slot { value: Value::Dict(Vec::new()), depth: 0 })?,
            b')' => self.tuple(Vec::new())?,
            b't' => self.group().and_then(|slots| self.tuple(slots))?,
            code @ 0x85..=0x87 => self.last(usize::from(code - 0x84))?,
            b'a' => self.pop().and_then(|slot| self.fill(vec![slot]))?,
            b'e' | b'u' => self.group().and_then(|slots| self.fill(slots))?,
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.fill(vec![key, value])?;
            }
            code @ (b'q' | b'r' | 0x94 | b'h' | b'j') => self.remember(code)?,
            b'c' => {
                let name = self.line()? + &self.line()?;
                self.call(&name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Plain(Item::Text(module)), Value::Plain(Item::Text(name))) = (module.value, name.value)
                else {
                    return Err(wrong("its pickle asks for something without a name"));
                };
                self.call(&format!("{module}\n{name}\n"))?;
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            other => {
                return Err(wrong(format!("its pickle has the opcode 0x{other:02x}, which torch.save doesn't use")));
            }
        }
        Ok(false)
    }

    fn number(&mut self, code: u8) -> Result<(), TorchFileError> {
        let value = match code {
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.array::<1>()?[0].into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                return self.push(Item::Float(value));
            }
            _ => {
                let count = self.byte()?;
                let bytes = self.take(count)?;
                // Two's complement of any length; what is beyond 64 bits must be sign alone.
                let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
                if bytes.iter().skip(8).any(|&b| b != sign) || bytes.get(7).is_some_and(|b| (b ^ sign) & 0x80 != 0) {
                    return Err(wrong("its pickle has an integer beyond 64 bits"));
                }
                i64::from_le_bytes(std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(sign)))
            }
        };
        self.push(Item::Int(value))
    }

    fn string(&mut self, code: u8) -> Result<(), TorchFileError> {
        let count = if matches!(code, b'X' | b'B') { self.length()? } else { self.byte()? };
        let item = match code {
            b'B' | b'C' => Item::Bytes(self.take(count)?.to_vec()),
            _ => Item::Text(self.text(count)?),
        };
        self.push(item)
    }

    /// Puts values into the list or dictionary below them.
    fn fill(&mut self, slots: Vec<Slot>) -> Result<(), TorchFileError> {
        let depth = slots.iter().map(|s| s.depth + 1).max().unwrap_or(0);
        let target = self.stack.last_mut().ok_or_else(|| wrong("its pickle fills a list that isn't there"))?;
        target.depth = target.depth.max(depth);
        if target.depth > DEEPEST {
            return Err(wrong("its pickle holds too deep values"));
        }
        let mut values = slots.into_iter().map(|s| s.value);
        match &mut target.value {
            Value::List(list) => list.extend(values),
            Value::Dict(entries) => {
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    entries.push((key, value));
                }
            }
            _ => return Err(wrong("its pickle fills what is no list")),
        }
        Ok(())
    }

    /// The memo: `q`, `r` and 0x94 put the last value there, `h` and `j` take a copy.
    fn remember(&mut self, code: u8) -> Result<(), TorchFileError> {
        let place = match code {
            b'q' | b'h' => self.byte()?,
            0x94 => self.memo.len(),
            _ => self.length()?,
        };
        if matches!(code, b'h' | b'j') {
            let slot = self.memo.get(place).cloned().flatten();
            let slot = slot.ok_or_else(|| wrong("its pickle recalls what it has not met, or a list twice"))?;
            self.values += count(&slot.value);
            return self.push(slot);
        }
        if place > MOST {
            return Err(wrong("its pickle has too large a memo"));
        }
        let slot = self.stack.last().ok_or_else(|| wrong("its pickle remembers a value that isn't there"))?;
        // A list may still grow, and a copy would not grow with it: such a file is refused where it recalls the list.
        let kept = (!matches!(slot.value, Value::List(_) | Value::Dict(_))).then(|| slot.clone());
        self.values += kept.as_ref().map_or(0, |s| count(&s.value));
        if self.memo.len() <= place {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = kept;
        if self.values > MOST { Err(wrong("its pickle holds too many values")) } else { Ok(()) }
    }

    fn call(&mut self, name: &str) -> Result<(), TorchFileError> {
        let refused = || TorchFileError::Call(name.trim_end().replace('\n', "."));
        let call = Call::of(name).ok_or_else(refused)?;
        self.push(Slot { value: Value::Call(call), depth: 0 })
    }

    /// What a call of known name builds.
    fn reduce(&mut self) -> Result<(), TorchFileError> {
        let (arguments, call) = (self.pop()?.value, self.pop()?.value);
        let (Value::Call(call), Value::Tuple(arguments)) = (call, arguments) else {
            return Err(wrong("its pickle calls what is no function"));
        };
        let value = match (call, arguments.as_slice()) {
            (Call::OrderedDict, []) => Value::Dict(Vec::new()),
            (Call::RebuildTensor, [Value::Storage(storage), offset, shape, stride, ..]) => {
                let (Some(offset), Some(shape), Some(stride)) = (size(offset), sizes(shape), sizes(stride)) else {
                    return Err(wrong("its pickle has a tensor without a shape"));
                };
                Value::View(View { storage: storage.clone(), offset, shape, stride })
            }
            (Call::NumpyType, [Value::Plain(Item::Text(name)), ..]) => Value::Numpy(name.clone()),
            (Call::NumpyScalar, [Value::Numpy(kind), Value::Plain(Item::Bytes(bytes))]) => scalar(kind, bytes)?,
            (Call::Encode, [Value::Plain(Item::Text(text)), Value::Plain(Item::Text(name))]) if name == "latin1" => {
                let byte =
                    |c: char| u8::try_from(u32::from(c)).map_err(|_| wrong("its pickle has bytes that are none"));
                Value::Plain(Item::Bytes(text.chars().map(byte).collect::<Result<_, _>>()?))
            }
            (call, _) => return Err(wrong(format!("its pickle builds {call:?} of unknown parts"))),
        };
        self.push(Slot { value, depth: 0 })
    }

    /// Attributes: those of a NumPy type say its byte order, those of a dictionary are of no interest.
    fn build(&mut self) -> Result<(), TorchFileError> {
        let state = self.pop()?.value;
        match (self.stack.last().map(|s| &s.value), state) {
            (Some(Value::Dict(_)), _) => Ok(()),
            (Some(Value::Numpy(_)), Value::Tuple(state)) => match state.get(1) {
                Some(Value::Plain(Item::Text(order))) if matches!(&order[..], "<" | "|" | "=") => Ok(()),
                _ => Err(wrong("its pickle has a number of a big-endian machine")),
            },
            _ => Err(wrong("its pickle sets attributes of what has none")),
        }
    }

    /// A storage: `('storage', class, key, location, count)`.
    fn persistent(&mut self) -> Result<(), TorchFileError> {
        let Value::Tuple(parts) = self.pop()?.value else {
            return Err(wrong("its pickle has a storage without a name"));
        };
        match &parts[..] {
            [
                Value::Plain(Item::Text(kind)),
                Value::Call(Call::Storage(dtype)),
                Value::Plain(Item::Text(key)),
                Value::Plain(Item::Text(_)),
                count,
            ] if kind == "storage" => {
                let count = size(count).ok_or_else(|| wrong("its pickle has a storage without a size"))?;
                let storage = Storage { dtype: *dtype, key: key.clone(), count };
                self.push(Slot { value: Value::Storage(storage), depth: 0 })
            }
            _ => Err(wrong("its pickle has a storage of unknown kind")),
        }
    }
}

/// Values in a value, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::List(items) | Value::Tuple(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Dict(entries) => 1 + entries.iter().map(|(k, v)| count(k) + count(v)).sum::<usize>(),
        // Texts count by their length, since copies hold it again.
        Value::Plain(Item::Text(text)) => 1 + text.len() / 16,
        Value::Plain(Item::Bytes(bytes)) => 1 + bytes.len() / 16,
        _ => 1,
    }
}

fn size(value: &Value) -> Option<usize> {
    if let Value::Plain(Item::Int(value)) = value { usize::try_from(*value).ok() } else { None }
}

fn sizes(value: &Value) -> Option<Vec<usize>> {
    if let Value::Tuple(items) = value { items.iter().map(size).collect() } else { None }
}

/// A NumPy number.
fn scalar(kind: &str, bytes: &[u8]) -> Result<Value, TorchFileError> {
    let unknown = || wrong(format!("its pickle has a NumPy number of type {kind}"));
    let item = match (kind, bytes) {
        ("b1", [byte]) => Item::Bool(*byte != 0),
        ("f8", _) => Item::Float(f64::from_le_bytes(bytes.try_into().map_err(|_| unknown())?)),
        ("f4", _) => Item::Float(f32::from_le_bytes(bytes.try_into().map_err(|_| unknown())?).into()),
        ("i8", _) => Item::Int(i64::from_le_bytes(bytes.try_into().map_err(|_| unknown())?)),
        ("i4", _) => Item::Int(i32::from_le_bytes(bytes.try_into().map_err(|_| unknown())?).into()),
        _ => return Err(unknown()),
    };
    Ok(Value::Plain(item))
}
