//! Which rows of a table are cases.

use std::collections::{BTreeMap, BinaryHeap};

use roaring::RoaringBitmap;
use serde::Serialize;

use crate::row::Values;
use crate::{DatasetError, Limits, Row, Table};

/// What a scenario leaves in of its table: rows by columns, of these a sample, of these the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// By column: the texts of which its value must be one. All columns must hold.
    pub columns: BTreeMap<String, Vec<String>>,
    /// So many rows, drawn.
    pub sample: Option<Sample>,
    /// So many rows from the start.
    pub first: Option<u64>,
}

/// Rows that are drawn by a seed: the same of the same table, and of two samples the larger holds the smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// How many; all if there are not as many.
    pub rows: u64,
    /// Of the draw.
    pub seed: u64,
    /// Column whose values keep their shares.
    pub stratify: Option<String>,
}

/// Rows of a table, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Rows of the table, of which `picked` are selected; none for all.
    all: u64,
    picked: Option<RoaringBitmap>,
}

impl Wanted {
    /// Whether selecting reads the whole table.
    pub fn reads_table(&self) -> bool {
        !self.columns.is_empty() || self.sample.as_ref().is_some_and(|sample| sample.stratify.is_some())
    }
}

impl Selection {
    /// Selects. Only filters by columns and stratified samples read the table. A malformed row has no column: it is left in,
    /// as nobody can tell that it was not meant; it is a stratum of its own.
    ///
    /// # Errors
    /// [`DatasetError::ColumnMissing`], [`DatasetError::NothingSelected`], [`DatasetError::TooLarge`] for too many strata,
    /// those of reading the table.
    pub fn of(table: &Table, wanted: &Wanted, limits: &Limits) -> Result<Self, DatasetError> {
        let Wanted { columns, sample, first } = wanted;
        let index = table.index();
        let strata = sample.as_ref().and_then(|sample| sample.stratify.as_ref());
        for column in columns.keys().chain(strata) {
            index.check_column(column)?;
        }
        let mut selection = Self { all: index.rows, picked: None };
        if !columns.is_empty() {
            let mut picked = RoaringBitmap::new();
            table.scan(|row| {
                if row.values.as_ref().map_or(true, |values| holds(values, columns)) {
                    picked.insert(narrow(row.number));
                }
                Ok(())
            })?;
            if picked.is_empty() {
                let what = columns.iter().map(|(column, texts)| format!("{column} = {}", texts.join(" | ")));
                let what = what.collect::<Vec<_>>().join(", ");
                return Err(DatasetError::NothingSelected { table: index.table.clone(), rows: index.rows, what });
            }
            selection.picked = Some(picked);
        }
        match sample {
            Some(sample) if sample.rows < selection.len() => {
                let drawn = match &sample.stratify {
                    None => selection.draw(sample),
                    Some(column) => selection.draw_by(table, sample, column, limits)?,
                };
                selection.picked = Some(drawn);
            }
            _ => {}
        }
        if let Some(first) = first.filter(|first| *first < selection.len()) {
            selection.picked = Some((0..first).filter_map(|nth| selection.row(nth)).map(narrow).collect());
        }
        Ok(selection)
    }

    /// As it is kept; [`Selection::of_bytes`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.picked.as_ref().map(|picked| picked.serialize_into(&mut bytes));
        bytes
    }

    /// A kept selection of rows of `table`; none if the bytes are none.
    pub fn of_bytes(bytes: &[u8], table: &Table) -> Option<Self> {
        let picked = RoaringBitmap::deserialize_from(bytes).ok()?;
        let all = table.index().rows;
        let fits = picked.max().is_some_and(|last| u64::from(last) < all);
        fits.then_some(Self { all, picked: Some(picked) })
    }

    /// How many rows are selected.
    #[allow(clippy::len_without_is_empty, reason = "a selection without rows cannot be made")]
    pub fn len(&self) -> u64 {
        self.picked.as_ref().map_or(self.all, RoaringBitmap::len)
    }

    /// Number in the table of the `nth` selected row, from 0.
    pub fn row(&self, nth: u64) -> Option<u64> {
        match &self.picked {
            None => (nth < self.all).then_some(nth),
            Some(picked) => picked.select(u32::try_from(nth).ok()?).map(u64::from),
        }
    }

    fn rows(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        match &self.picked {
            None => Box::new(0..self.all),
            Some(picked) => Box::new(picked.iter().map(u64::from)),
        }
    }

    /// The rows with the lowest lots.
    fn draw(&self, sample: &Sample) -> RoaringBitmap {
        let mut urn = Urn::new(sample.rows);
        self.rows().for_each(|row| urn.put(lot(sample.seed, row), row));
        urn.rows().collect()
    }

    /// As many of each stratum as its share is.
    fn draw_by(
        &self,
        table: &Table,
        sample: &Sample,
        column: &str,
        limits: &Limits,
    ) -> Result<RoaringBitmap, DatasetError> {
        let stratum = |row: &Row| row.values.as_ref().map_or(None, |values| values.text(column));
        let kept = |number: u64| self.picked.as_ref().is_none_or(|picked| picked.contains(narrow(number)));
        let mut sizes: BTreeMap<Option<String>, u64> = BTreeMap::new();
        table.scan(|row| {
            if kept(row.number) {
                *sizes.entry(stratum(&row)).or_default() += 1;
                if sizes.len() > limits.strata {
                    let (table, limit) = (table.index().table.clone(), limits.strata as u64);
                    let what = "values of the column to stratify by".to_owned();
                    return Err(DatasetError::TooLarge { table, what, limit });
                }
            }
            Ok(())
        })?;
        let shares = shares(&sizes.values().copied().collect::<Vec<_>>(), sample.rows);
        let urns = sizes.into_keys().zip(shares.into_iter().map(Urn::new));
        let mut urns: BTreeMap<Option<String>, Urn> = urns.collect();
        table.scan(|row| {
            if kept(row.number)
                && let Some(urn) = urns.get_mut(&stratum(&row))
            {
                urn.put(lot(sample.seed, row.number), row.number);
            }
            Ok(())
        })?;
        Ok(urns.into_values().flat_map(|urn| urn.rows().collect::<Vec<_>>()).collect())
    }
}

fn holds(values: &Values, columns: &BTreeMap<String, Vec<String>>) -> bool {
    columns.iter().all(|(column, texts)| values.text(column).is_some_and(|text| texts.contains(&text)))
}

/// Numbers of rows are below the limit of rows, which is below a `u32`.
fn narrow(row: u64) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// The lot of a row: SplitMix64 of seed and number, by Steele, Lea and Flood.
fn lot(seed: u64, row: u64) -> u64 {
    let mix = |mut z: u64| {
        z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    mix(mix(seed) ^ row)
}

/// Splits `whole` by sizes whose sum is larger, by the largest remainders; of equal ones the first.
fn shares(sizes: &[u64], whole: u64) -> Vec<u64> {
    let all: u128 = sizes.iter().map(|size| u128::from(*size)).sum();
    let exact = |size: u64| u128::from(size) * u128::from(whole);
    let mut shares: Vec<u64> = sizes.iter().map(|size| (exact(*size) / all.max(1)) as u64).collect();
    let left = whole.saturating_sub(shares.iter().sum()) as usize;
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(exact(sizes[*at]) % all.max(1)));
    order.into_iter().take(left).for_each(|at| shares[at] += 1);
    shares
}

/// Keeps the rows with the lowest lots.
struct Urn {
    most: u64,
    lots: BinaryHeap<(u64, u64)>,
}

impl Urn {
    fn new(most: u64) -> Self {
        Self { most, lots: BinaryHeap::new() }
    }

    fn put(&mut self, lot: u64, row: u64) {
        if (self.lots.len() as u64) < self.most {
            self.lots.push((lot, row));
        } else if let Some(mut highest) = self.lots.peek_mut()
            && (lot, row) < *highest
        {
            *highest = (lot, row);
        }
    }

    fn rows(self) -> impl Iterator<Item = u32> {
        self.lots.into_iter().map(|(_, row)| narrow(row))
    }
}
