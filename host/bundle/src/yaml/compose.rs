//! Builds the tree from the parser's events with a stack of our own, so nesting costs heap and is counted.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Data, Entry, Node, YamlLimits, scalar};
use crate::Problem;

/// What a subtree costs, aliases expanded.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    text: usize,
    /// Levels of lists and mappings.
    height: usize,
}

struct Frame {
    data: Data,
    anchor: usize,
    line: u32,
    column: u32,
    weight: Weight,
    /// The key that waits for its value, with its place and whether it is a merge key.
    pending: Option<(String, u32, u32, bool)>,
    /// The value of `<<`.
    merge: Option<Node>,
}

struct Composer<'a> {
    file: &'a str,
    limits: &'a YamlLimits,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, Weight)>,
    total: Weight,
    root: Option<Node>,
    documents: usize,
    /// Where the newest document begins.
    begins: (u32, u32),
}

/// Builds the tree of the one document in `text`.
pub(super) fn compose(file: &str, text: &str, limits: &YamlLimits) -> Result<Node, Problem> {
    let mut parser = Parser::new_from_str(text);
    let mut composer = Composer {
        file,
        limits,
        stack: Vec::new(),
        anchors: HashMap::new(),
        total: Weight::default(),
        root: None,
        documents: 0,
        begins: (0, 0),
    };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let (line, column) = (to_u32(error.marker().line()), to_u32(error.marker().col() + 1));
            // The parser has a limit of its own for brackets.
            let reason = if error.info().contains("recursion limit") { "YamlTooDeep" } else { "YamlSyntax" };
            Problem::of_file(file, reason, error.info()).at(line, column)
        })?;
        composer.event(event, span)?;
    }
    Ok(composer.root.unwrap_or(Node { data: Data::Null, line: 1, column: 1 }))
}

fn is_nothing(text: &str) -> bool {
    matches!(scalar::plain(text), Ok(Data::Null))
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Composer<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let (line, column) = (to_u32(span.start.line()), to_u32(span.start.col() + 1));
        let fail = |reason, message: String| Problem::of_file(self.file, reason, message).at(line, column);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                self.begins = (line, column);
            }
            // A last `---` with nothing behind it begins no document that anybody meant.
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if self.documents > 1 && is_nothing(&text) => {}
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_)
                if self.documents > 1 =>
            {
                let message = "a second document begins here";
                let problem = Problem::of_file(self.file, "YamlMultipleDocuments", message);
                let problem = problem.at(self.begins.0, self.begins.1);
                return Err(problem.hint("a file holds one document: remove the `---` or split the file"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if self.wants_key() {
                    if plain && matches!(&*text, "" | "~") {
                        return Err(fail("YamlKey", "a key is missing before the colon".into()));
                    }
                    return self.key(&text, plain, line, column);
                }
                let data = match &tag {
                    Some(tag) => scalar::tagged(&text, tag).map_err(|message| fail("YamlTag", message))?,
                    None if plain => scalar::plain(&text).map_err(|message| fail("YamlNumber", message))?,
                    None => Data::Text(text.into_owned()),
                };
                let weight =
                    Weight { nodes: 1, text: if let Data::Text(text) = &data { text.len() } else { 0 }, height: 0 };
                self.spend(weight, line, column)?;
                self.place(Node { data, line, column }, weight, anchor)?;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if self.wants_key() => {
                return Err(fail("YamlKey", "a key must be text, not a list or mapping".into()));
            }
            Event::SequenceStart(_, Some(tag)) | Event::MappingStart(_, Some(tag)) if !tag.is_yaml_core_schema() => {
                return Err(fail("YamlTag", format!("unknown tag {tag}")));
            }
            Event::SequenceStart(anchor, _) => self.open(Data::List(Vec::new()), anchor, line, column)?,
            Event::MappingStart(anchor, _) => self.open(Data::Mapping(Vec::new()), anchor, line, column)?,
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                if self.wants_key() {
                    return Err(fail("YamlKey", "a key must be text, not an alias".into()));
                }
                let Some((node, weight)) = self.anchors.get(&anchor) else {
                    return Err(fail("YamlAlias", "the alias stands inside the value it repeats".into()));
                };
                let weight = *weight;
                if self.stack.len() + weight.height > self.limits.depth {
                    return Err(self.too_deep(line, column));
                }
                let total = self.total.add(weight);
                // Weighed before it is copied.
                if !total.within(self.limits) {
                    return Err(self.over_budget(total, line, column));
                }
                let node = node.clone();
                self.total = total;
                self.place(node, weight, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        self.stack.last().is_some_and(|frame| matches!(frame.data, Data::Mapping(_)) && frame.pending.is_none())
    }

    fn key(&mut self, text: &str, plain: bool, line: u32, column: u32) -> Result<(), Problem> {
        let weight = Weight { nodes: 0, text: text.len(), height: 0 };
        self.spend(weight, line, column)?;
        if let Some(frame) = self.stack.last_mut() {
            frame.weight = frame.weight.add(weight);
            frame.pending = Some((text.to_owned(), line, column, plain && text == "<<"));
        }
        Ok(())
    }

    fn open(&mut self, data: Data, anchor: usize, line: u32, column: u32) -> Result<(), Problem> {
        if self.stack.len() >= self.limits.depth {
            return Err(self.too_deep(line, column));
        }
        let weight = Weight { nodes: 1, text: 0, height: 1 };
        self.spend(weight, line, column)?;
        self.stack.push(Frame { data, anchor, line, column, weight, pending: None, merge: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(mut frame) = self.stack.pop() else { return Ok(()) };
        if let Data::Mapping(entries) = &mut frame.data {
            let mut lines: HashMap<&str, u32> = HashMap::with_capacity(entries.len());
            for entry in entries.iter() {
                if let Some(first) = lines.insert(&entry.key, entry.line) {
                    let message = format!("key `{}` is given twice, on lines {first} and {}", entry.key, entry.line);
                    let problem = Problem::of_file(self.file, "YamlDuplicateKey", message);
                    return Err(problem.at(entry.line, entry.column).hint("remove one of them"));
                }
            }
            if let Some(merge) = frame.merge.take() {
                self.merge(entries, merge)?;
            }
        }
        let node = Node { data: frame.data, line: frame.line, column: frame.column };
        self.place(node, frame.weight, frame.anchor)
    }

    /// Adds what `<<` brings and the mapping itself does not have; earlier mappings of a list win.
    fn merge(&self, entries: &mut Vec<Entry>, merge: Node) -> Result<(), Problem> {
        let (line, column) = (merge.line, merge.column);
        let sources = if let Data::List(items) = merge.data { items } else { vec![merge] };
        let mut known: std::collections::HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for source in sources {
            let Data::Mapping(merged) = source.data else {
                let problem = Problem::of_file(self.file, "YamlMerge", "`<<` needs a mapping or a list of mappings");
                return Err(problem.at(line, column));
            };
            entries.extend(merged.into_iter().filter(|entry| known.insert(entry.key.clone())));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, weight: Weight, anchor: usize) -> Result<(), Problem> {
        if anchor > 0 {
            // The copy kept for aliases costs memory like any other.
            self.spend(weight, node.line, node.column)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let height = frame.weight.height.max(weight.height + 1);
        frame.weight = Weight { height, ..frame.weight.add(weight) };
        match (&mut frame.data, frame.pending.take()) {
            (Data::Mapping(_), Some((key, line, column, true))) => {
                if frame.merge.is_some() {
                    let message = format!("key `{key}` is given twice in one mapping");
                    return Err(Problem::of_file(self.file, "YamlDuplicateKey", message).at(line, column));
                }
                frame.merge = Some(node);
            }
            (Data::Mapping(entries), Some((key, line, column, false))) => {
                entries.push(Entry { key, line, column, value: node });
            }
            (Data::List(items), _) => items.push(node),
            _ => {}
        }
        Ok(())
    }

    fn spend(&mut self, weight: Weight, line: u32, column: u32) -> Result<(), Problem> {
        let total = self.total.add(weight);
        if !total.within(self.limits) {
            return Err(self.over_budget(total, line, column));
        }
        self.total = total;
        Ok(())
    }

    fn over_budget(&self, total: Weight, line: u32, column: u32) -> Problem {
        let message = if total.nodes > self.limits.nodes {
            format!("the document holds more than {} values, aliases expanded", self.limits.nodes)
        } else {
            format!("the document holds more than {} bytes of text, aliases expanded", self.limits.text_bytes)
        };
        Problem::of_file(self.file, "YamlTooBig", message).at(line, column).hint("split it into several files")
    }

    fn too_deep(&self, line: u32, column: u32) -> Problem {
        let message = format!("lists and mappings stand more than {} deep in each other", self.limits.depth);
        Problem::of_file(self.file, "YamlTooDeep", message).at(line, column)
    }
}

impl Weight {
    fn add(self, other: Self) -> Self {
        Self { nodes: self.nodes + other.nodes, text: self.text + other.text, height: self.height }
    }

    fn within(self, limits: &YamlLimits) -> bool {
        self.nodes <= limits.nodes && self.text <= limits.text_bytes
    }
}
