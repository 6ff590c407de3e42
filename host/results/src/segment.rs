//! A segment: records as zstd-compressed JSON lines in plan order, and their strips beside them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use zstd::stream::{read::Decoder, write::Encoder};

use crate::index::{Index, SegmentRef};
use crate::reader::head;
use crate::run_view::SEGMENTS;
use crate::strip::{MAGIC, Strip};
use crate::{Result, ResultsError, RunDir, RunView, atomic};

/// Hashes what passes through it.
struct Hashing<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
}

/// Writes one segment; it has its name only once [`SegmentWriter::finish`] returns.
pub(crate) struct SegmentWriter {
    path: PathBuf,
    strips_path: PathBuf,
    records: Encoder<'static, Hashing<BufWriter<File>>>,
    strips: Hashing<BufWriter<File>>,
    bitmap: Vec<u8>,
    count: u64,
}

impl SegmentWriter {
    /// A segment number `number` in the folder of `run`, at a zstd level of 1 (fast) to 19 (small).
    pub(crate) fn create(run: &RunDir, number: u32, level: i32) -> Result<Self> {
        let folder = run.file(SEGMENTS);
        std::fs::create_dir_all(&folder).map_err(ResultsError::io("create", &folder))?;
        let path = folder.join(format!("{number:05}.jsonl.zst"));
        let strips_path = folder.join(format!("{number:05}.strips"));
        let open = |path: &PathBuf| {
            let file = atomic::create(&atomic::temporary(path))?;
            Ok(Hashing::new(BufWriter::with_capacity(256 << 10, file)))
        };
        let records = Encoder::new(open(&path)?, level).map_err(ResultsError::io("compress", &path))?;
        let mut strips = open(&strips_path)?;
        strips.write_all(MAGIC).map_err(ResultsError::io("write", &strips_path))?;
        Ok(Self { path, strips_path, records, strips, bitmap: Vec::new(), count: 0 })
    }

    /// Adds the next case in plan order: its line without newline, and its strip.
    pub(crate) fn push(&mut self, index: u64, line: &[u8], strip: &Strip) -> Result<()> {
        let written = self.records.write_all(line).and_then(|()| self.records.write_all(b"\n"));
        written.map_err(ResultsError::io("write", &self.path))?;
        self.strips.write_all(&strip.encode()).map_err(ResultsError::io("write", &self.strips_path))?;
        let byte = (index / 8) as usize;
        if self.bitmap.len() <= byte {
            self.bitmap.resize(byte + 1, 0);
        }
        self.bitmap[byte] |= 1 << (index % 8);
        self.count += 1;
        Ok(())
    }

    /// Makes both files durable under their names.
    pub(crate) fn finish(mut self) -> Result<SegmentRef> {
        let io = || ResultsError::io("write", &self.path);
        let mut records = self.records.finish().map_err(io())?;
        records.flush().map_err(io())?;
        let blake3 = records.hasher.finalize().to_hex().to_string();
        atomic::publish(records.inner.get_ref(), &self.path)?;

        let mut end = self.bitmap;
        let bits = end.len() as u64;
        end.extend(bits.to_be_bytes());
        end.extend(self.count.to_be_bytes());
        let io = || ResultsError::io("write", &self.strips_path);
        self.strips.write_all(&end).map_err(io())?;
        let hash = self.strips.hasher.finalize();
        let closed = self.strips.write_all(hash.as_bytes()).and_then(|()| self.strips.flush());
        closed.map_err(io())?;
        atomic::publish(self.strips.inner.get_ref(), &self.strips_path)?;

        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (records_file, strips) = (name(&self.path), name(&self.strips_path));
        Ok(SegmentRef { records_file, blake3, records: self.count, strips })
    }
}

/// Reads one segment of `folder` from start to end and compares it with what the index says of it.
pub(crate) fn verify(folder: &Path, reference: &SegmentRef) -> Result<()> {
    let path = folder.join(&reference.records_file);
    let io = || ResultsError::io("read", &path);
    let file = atomic::open_plain(&path, File::options().read(true)).map_err(io())?;
    let mut decoder = Decoder::new(Hashing::new(file)).map_err(io())?;
    let (mut buffer, mut lines) = (vec![0; 64 << 10], 0);
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let detail = format!("it cannot be decompressed: {error}");
                return Err(ResultsError::SegmentCorrupt { path, detail });
            }
        }
    }
    reference.check(&path, decoder.finish().into_inner().hasher.finalize())?;
    if lines != reference.records {
        let detail = format!("it holds {lines} records, the index says {}", reference.records);
        return Err(ResultsError::SegmentCorrupt { path, detail });
    }
    Ok(())
}

/// One segment being read.
struct OpenSegment {
    path: PathBuf,
    reference: SegmentRef,
    lines: BufReader<Decoder<'static, BufReader<Hashing<File>>>>,
    read: u64,
}

/// The lines of all segments of a run, in plan order, each with its index. Hash, count and order are checked on the way, so damage is an
/// error item at the latest at the end of its segment.
pub(crate) struct SegmentLines {
    folder: PathBuf,
    waiting: std::vec::IntoIter<SegmentRef>,
    open: Option<OpenSegment>,
    last: Option<u64>,
    limit: u64,
    failed: bool,
}

impl SegmentLines {
    /// Lines of the segments the index of `run` names.
    pub(crate) fn open(run: &RunView) -> Result<Self> {
        let (folder, limit) = (run.file(SEGMENTS), u64::from(run.max_record_bytes()));
        let waiting = Index::read(run)?.segments.into_iter();
        Ok(Self { folder, waiting, open: None, last: None, limit, failed: false })
    }

    fn step(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        loop {
            let Some(segment) = &mut self.open else {
                let Some(reference) = self.waiting.next() else { return Ok(None) };
                let path = self.folder.join(&reference.records_file);
                let file =
                    atomic::open_plain(&path, File::options().read(true)).map_err(ResultsError::io("open", &path))?;
                let decoder = Decoder::new(Hashing::new(file)).map_err(ResultsError::io("decompress", &path))?;
                let lines = BufReader::with_capacity(64 << 10, decoder);
                self.open = Some(OpenSegment { path, reference, lines, read: 0 });
                continue;
            };
            let corrupt = |detail: String| ResultsError::SegmentCorrupt { path: segment.path.clone(), detail };
            let mut line = Vec::new();
            let read = segment.lines.by_ref().take(self.limit + 1).read_until(b'\n', &mut line);
            read.map_err(|error| corrupt(format!("it cannot be decompressed: {error}")))?;
            if !line.is_empty() {
                if line.pop_if(|byte| *byte == b'\n').is_none() {
                    return Err(corrupt(format!("a record has more than {} bytes or no end", self.limit)));
                }
                let index = head(&line).map_err(corrupt)?.index;
                if self.last.is_some_and(|last| last >= index) {
                    return Err(corrupt(format!("case {index} is out of order")));
                }
                self.last = Some(index);
                segment.read += 1;
                return Ok(Some((index, line)));
            }
            if segment.read != segment.reference.records {
                let (read, wanted) = (segment.read, segment.reference.records);
                return Err(corrupt(format!("it holds {read} records, the index says {wanted}")));
            }
            let Some(done) = self.open.take() else { return Ok(None) };
            let hashed = done.lines.into_inner().finish().into_inner();
            done.reference.check(&done.path, hashed.hasher.finalize())?;
        }
    }
}

impl Iterator for SegmentLines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
