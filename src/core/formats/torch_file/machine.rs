//! The reading half of pickles: a stack machine like Python's for all opcodes of protocols 0 to 5. It builds values and
//! runs nothing.

use std::io::Read;

use super::spelling::{has_surrogates, integer, unescaped, unquoted};
use super::value::{Budget, Heap, Node, Span, Value, wrong};
use super::{LARGEST_PICKLE, TorchFileError};

/// Bytes that are asked for at once.
const CHUNK: usize = 1 << 16;

/// Reads one pickle after another from one source.
pub(super) struct Machine<'r> {
    source: &'r mut dyn Read,
    /// The next byte.
    at: usize,
    pub(super) heap: Heap,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
}

impl<'r> Machine<'r> {
    /// `length` are the bytes that the source holds at most.
    pub(super) fn new(source: &'r mut dyn Read, length: u64) -> Self {
        let heap = Heap::new(Budget::of(length.min(LARGEST_PICKLE)));
        Self { source, at: 0, heap, stack: Vec::new(), marks: Vec::new(), memo: Vec::new() }
    }

    /// Bytes that the pickles took so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The value of the next pickle.
    pub(super) fn pickle(&mut self) -> Result<Value, TorchFileError> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        while !self.step()? {}
        self.pop()
    }

    /// The next `count` bytes. Memory grows with what arrives, never with what is claimed.
    fn take(&mut self, count: usize) -> Result<Span, TorchFileError> {
        let early = || wrong("its pickle ends too early, or is larger than 64 MiB");
        let end = self.at.checked_add(count).filter(|&end| end as u64 <= LARGEST_PICKLE).ok_or_else(early)?;
        let held = self.heap.bytes.len();
        if end > held {
            let more = (end - held).max(CHUNK) as u64;
            let read = (&mut *self.source).take(more).read_to_end(&mut self.heap.bytes);
            read.map_err(|e| TorchFileError::Io(e.to_string()))?;
            if self.heap.bytes.len() < end {
                return Err(early());
            }
        }
        let span = Span { start: self.at as u32, length: count as u32 };
        self.at = end;
        Ok(span)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TorchFileError> {
        let span = self.take(N)?;
        self.heap.raw(span).try_into().map_err(|_| wrong("its pickle ends too early"))
    }

    fn byte(&mut self) -> Result<usize, TorchFileError> {
        Ok(self.array::<1>()?[0].into())
    }

    fn length(&mut self) -> Result<usize, TorchFileError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn length64(&mut self) -> Result<usize, TorchFileError> {
        Ok(usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX))
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Span, TorchFileError> {
        let start = self.at;
        while self.array::<1>()? != [b'\n'] {}
        Ok(Span { start: start as u32, length: (self.at - 1 - start) as u32 })
    }

    fn utf8(&self, span: Span) -> Result<Span, TorchFileError> {
        match std::str::from_utf8(self.heap.raw(span)) {
            Ok(_) => Ok(span),
            Err(_) => Err(wrong("its pickle has a text that is not UTF-8")),
        }
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), TorchFileError> {
        self.heap.budget.grow(&mut self.stack, 1)?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Result<Value, TorchFileError> {
        // Below the last mark is what belongs to something else.
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(wrong("its pickle takes a value that isn't there"));
        }
        self.stack.pop().ok_or_else(|| wrong("its pickle takes a value that isn't there"))
    }

    pub(super) fn top(&self) -> Result<Value, TorchFileError> {
        self.stack.last().copied().ok_or_else(|| wrong("its pickle uses a value that isn't there"))
    }

    /// The values behind the last mark. Their memory is charged until [`Self::release`].
    fn group(&mut self) -> Result<Vec<Value>, TorchFileError> {
        let mark = self.marks.pop().filter(|&m| m <= self.stack.len());
        let mark = mark.ok_or_else(|| wrong("its pickle ends a group that has not begun"))?;
        self.heap.budget.take((self.stack.len() - mark) * size_of::<Value>())?;
        Ok(self.stack.drain(mark..).collect())
    }

    fn release(&mut self, values: usize) {
        self.heap.budget.give(values * size_of::<Value>());
    }

    fn add(&mut self, node: Node) -> Result<(), TorchFileError> {
        let held = match &node {
            Node::List(items) | Node::Tuple(items) => items.capacity() * size_of::<Value>(),
            Node::Dict(entries) => entries.capacity() * 2 * size_of::<Value>(),
            _ => 0,
        };
        let value = self.heap.add(node, held)?;
        self.push(value)
    }

    /// Executes one opcode; `true` at the end.
    fn step(&mut self) -> Result<bool, TorchFileError> {
        match self.array::<1>()?[0] {
            0x80 => _ = self.byte()?,
            0x95 => _ = self.array::<8>()?,
            b'.' => return Ok(true),
            b'(' => {
                self.heap.budget.grow(&mut self.marks, 1)?;
                self.marks.push(self.stack.len());
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => _ = self.marks.pop(),
            b'0' => _ = self.pop()?,
            b'1' => {
                let count = self.group()?.len();
                self.release(count);
            }
            b'2' => self.top().and_then(|value| self.push(value))?,
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            code @ (b'J' | b'K' | b'M' | b'G' | 0x8a | 0x8b | b'I' | b'L' | b'F') => self.number(code)?,
            code @ (b'X' | 0x8c | 0x8d | b'U' | b'T' | b'B' | b'C' | 0x8e | 0x96 | b'V' | b'S') => self.string(code)?,
            code @ (b']' | 0x8f | b'}' | b')' | b't' | 0x85..=0x87 | b'l' | 0x91 | b'd') => self.container(code)?,
            code @ (b'a' | b'e' | 0x90 | b's' | b'u') => self.fill(code)?,
            code @ (b'q' | b'r' | b'p' | 0x94 | b'h' | b'j' | b'g') => self.remember(code)?,
            code @ (b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'i' | b'o' | b'b' | b'Q') => self.object(code)?,
            b'P' => return Err(wrong("its storages are named by texts, as protocol 0 does; save it with protocol 2")),
            0x82..=0x84 => return Err(wrong("it names classes by numbers that only the program knows which wrote it")),
            0x97 | 0x98 => return Err(wrong("its arrays lie outside of it, in buffers of protocol 5")),
            other => return Err(wrong(format!("its pickle has 0x{other:02x} where an opcode should be"))),
        }
        Ok(false)
    }

    fn number(&mut self, code: u8) -> Result<(), TorchFileError> {
        let value = match code {
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()),
            b'K' => Value::Int(self.array::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.array()?).into()),
            b'G' => Value::Float(f64::from_be_bytes(self.array()?)),
            0x8a | 0x8b => {
                let count = if code == 0x8a { self.byte()? } else { self.length()? };
                let span = self.take(count)?;
                integer(self.heap.raw(span)).map_or(Value::Long(span), Value::Int)
            }
            _ => {
                let span = self.line()?;
                let text = std::str::from_utf8(self.heap.raw(span)).unwrap_or_default();
                let none = || wrong("its pickle has a number that is none");
                match (code, text) {
                    (b'I', "00") => Value::Bool(false),
                    (b'I', "01") => Value::Bool(true),
                    (b'F', text) => Value::Float(text.parse().map_err(|_| none())?),
                    (_, text) => {
                        let digits = text.strip_suffix('L').unwrap_or(text);
                        match digits.parse() {
                            Ok(value) => Value::Int(value),
                            Err(_) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') => Value::Long(span),
                            Err(_) => return Err(none()),
                        }
                    }
                }
            }
        };
        self.push(value)
    }

    fn string(&mut self, code: u8) -> Result<(), TorchFileError> {
        let span = match code {
            b'V' => {
                let line = self.line()?;
                let text = unescaped(self.heap.raw(line))?;
                let span = self.heap.keep(text.as_bytes())?;
                return self.push(Value::Text(span));
            }
            b'S' => {
                let line = self.line()?;
                let bytes = unquoted(self.heap.raw(line))?;
                let span = self.heap.keep(&bytes)?;
                let value = self.utf8(span).map_or(Value::Bytes(span), Value::Text);
                return self.push(value);
            }
            b'X' | b'T' | b'B' => self.length(),
            0x8d | 0x8e | 0x96 => self.length64(),
            _ => self.byte(),
        };
        let span = span.and_then(|count| self.take(count))?;
        let value = match code {
            b'B' | b'C' | 0x8e | 0x96 => Value::Bytes(span),
            // Python 2's text is bytes of any kind.
            b'U' | b'T' => self.utf8(span).map_or(Value::Bytes(span), Value::Text),
            _ => match self.utf8(span) {
                Ok(span) => Value::Text(span),
                Err(_) if has_surrogates(self.heap.raw(span)) => Value::Bytes(span),
                Err(error) => return Err(error),
            },
        };
        self.push(value)
    }

    fn container(&mut self, code: u8) -> Result<(), TorchFileError> {
        let node = match code {
            b']' | 0x8f => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b')' => Node::Tuple(Vec::new()),
            b't' | b'l' | 0x91 => {
                let group = self.group()?;
                // Charged anew with the node.
                self.release(group.len());
                if code == b't' { Node::Tuple(group) } else { Node::List(group) }
            }
            b'd' => {
                let group = self.group()?;
                self.add(Node::Dict(Vec::new()))?;
                self.set(&group)?;
                self.release(group.len());
                return Ok(());
            }
            _ => {
                let mut items = Vec::with_capacity(3);
                for _ in 0x84..code {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Tuple(items)
            }
        };
        self.add(node)
    }

    /// Puts values into the list or dictionary below them, or into an object of a class of one.
    fn fill(&mut self, code: u8) -> Result<(), TorchFileError> {
        match code {
            b'a' => {
                let value = self.pop()?;
                self.extend(&[value])
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])
            }
            _ => {
                let values = self.group()?;
                let done = if code == b'u' { self.set(&values) } else { self.extend(&values) };
                self.release(values.len());
                done
            }
        }
    }

    fn filled(&self) -> Result<Value, TorchFileError> {
        self.top().map_err(|_| wrong("its pickle fills a list that isn't there"))
    }

    fn extend(&mut self, values: &[Value]) -> Result<(), TorchFileError> {
        let target = self.filled()?;
        let (list, budget) = match self.heap.node_mut(target) {
            Some((Node::List(list), budget)) => (list, budget),
            Some((Node::Object(object), budget)) => (&mut object.list, budget),
            _ => return Err(wrong("its pickle fills what is no list")),
        };
        budget.grow(list, values.len())?;
        list.extend_from_slice(values);
        Ok(())
    }

    fn set(&mut self, values: &[Value]) -> Result<(), TorchFileError> {
        let target = self.filled()?;
        let (entries, budget) = match self.heap.node_mut(target) {
            Some((Node::Dict(entries), budget)) => (entries, budget),
            Some((Node::Object(object), budget)) => (&mut object.dict, budget),
            _ => return Err(wrong("its pickle fills what is no dictionary")),
        };
        let (pairs, rest) = values.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(wrong("its pickle has a key without a value"));
        }
        budget.grow(entries, pairs.len())?;
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }

    /// The memo: `p`, `q`, `r` and 0x94 put the last value there, `g`, `h` and `j` take it.
    fn remember(&mut self, code: u8) -> Result<(), TorchFileError> {
        let place = match code {
            b'q' | b'h' => self.byte()?,
            0x94 => self.memo.len(),
            b'g' | b'p' => {
                let line = self.line()?;
                let text = std::str::from_utf8(self.heap.raw(line)).unwrap_or_default();
                text.parse().map_err(|_| wrong("its pickle has a place in the memo that is no number"))?
            }
            _ => self.length()?,
        };
        if matches!(code, b'h' | b'j' | b'g') {
            let value = self.memo.get(place).copied().flatten();
            return self.push(value.ok_or_else(|| wrong("its pickle recalls what it has not met"))?);
        }
        let value = self.top().map_err(|_| wrong("its pickle remembers a value that isn't there"))?;
        if place >= self.memo.len() {
            // Picklers count from 0, so a pickle has more bytes than places.
            let more = if place <= self.at { place + 1 - self.memo.len() } else { usize::MAX };
            let room = self.heap.budget.grow(&mut self.memo, more);
            room.map_err(|_| wrong("its pickle has too large a memo"))?;
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(value);
        Ok(())
    }

    /// Opcodes that name, call and furnish classes.
    fn object(&mut self, code: u8) -> Result<(), TorchFileError> {
        match code {
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.named(self.utf8(module)?, self.utf8(name)?)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => self.named(module, name),
                _ => Err(wrong("its pickle asks for something without a name")),
            },
            b'R' | 0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.call(class, arguments)
            }
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(class, arguments)
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let arguments = self.group()?;
                self.named(self.utf8(module)?, self.utf8(name)?)?;
                self.call_with(arguments)
            }
            b'o' => {
                let mut arguments = self.group()?;
                if arguments.is_empty() {
                    return Err(wrong("its pickle makes an object of no class"));
                }
                self.push(arguments[0])?;
                self.release(1);
                arguments.remove(0);
                self.call_with(arguments)
            }
            b'b' => {
                let state = self.pop()?;
                self.furnish(state)
            }
            _ => self.pop().and_then(|id| self.stored(id)),
        }
    }

    /// Calls the class on the stack with the values of a group.
    fn call_with(&mut self, arguments: Vec<Value>) -> Result<(), TorchFileError> {
        self.release(arguments.len());
        self.add(Node::Tuple(arguments))?;
        let (arguments, class) = (self.pop()?, self.pop()?);
        self.call(class, arguments)
    }
}
