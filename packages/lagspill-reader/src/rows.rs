//! Entries as rows in PostgreSQL's binary COPY format: what `services.audit.rows` makes.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::written::Found;

/// Columns of a row, and where its position and `logged_at` stand in it.
const COLUMNS: i16 = 21;
const POSITION: usize = 2 + 4;
const LOGGED: usize = POSITION + 8 + 4;
/// Rows in one piece.
const PIECE: usize = 256;

/// Rows of entries that follow each other in a log. Their positions and `logged_at` are written in when they are known.
#[pyclass(frozen)]
#[derive(Default)]
pub struct Rows {
    pieces: Vec<Piece>,
}

struct Piece {
    bytes: Vec<u8>,
    begins: Vec<usize>,
}

impl Rows {
    pub fn add(&mut self, found: &Found<'_>, topic: &str, partition: i32, offset: i64, leaf: &[u8]) {
        if self.pieces.last().is_none_or(|piece| piece.begins.len() == PIECE) {
            let begun = Piece { bytes: Vec::with_capacity(2 * (leaf.len() + 512)), begins: Vec::new() };
            self.pieces.push(begun);
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.begins.push(piece.bytes.len());
            piece.bytes.extend_from_slice(&COLUMNS.to_be_bytes());
            write(&mut piece.bytes, &0_i64.to_be_bytes());
            write(&mut piece.bytes, &0_i64.to_be_bytes());
            row(&mut piece.bytes, found, topic, partition, offset, leaf);
        }
    }
}

#[pymethods]
impl Rows {
    /// Return how many there are.
    fn __len__(&self) -> usize {
        self.pieces.iter().map(|piece| piece.begins.len()).sum()
    }

    /// Return them in pieces, at the positions from `first` on, logged at `logged`.
    fn placed<'py>(slf: &Bound<'py, Self>, first: i64, logged: i64) -> Placed {
        Placed { rows: slf.clone().unbind(), next: 0, first, logged }
    }
}

/// Goes through rows, piece by piece.
#[pyclass]
struct Placed {
    rows: Py<Rows>,
    next: usize,
    first: i64,
    logged: i64,
}

#[pymethods]
impl Placed {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(piece) = self.rows.get().pieces.get(self.next) else {
            return Ok(None);
        };
        let first = self.first + (self.next * PIECE) as i64;
        self.next += 1;
        PyBytes::new_with(py, piece.bytes.len(), |placed| {
            placed.copy_from_slice(&piece.bytes);
            for (position, begin) in (first..).zip(&piece.begins) {
                placed[begin + POSITION..][..8].copy_from_slice(&position.to_be_bytes());
                placed[begin + LOGGED..][..8].copy_from_slice(&self.logged.to_be_bytes());
            }
            Ok(())
        })
        .map(Some)
    }
}

fn row(row: &mut Vec<u8>, found: &Found<'_>, topic: &str, partition: i32, offset: i64, leaf: &[u8]) {
    write(row, &found.happened.since_2000().to_be_bytes());
    write(row, &partition.to_be_bytes());
    write(row, &offset.to_be_bytes());
    write(row, &found.identity());
    match found.number {
        None => word(row, None),
        Some(number) => write(row, &number.to_be_bytes()),
    }
    write(row, leaf);
    for value in [
        Some(found.municipality),
        Some(topic),
        Some(found.kind),
        Some(found.event_type),
        Some(found.source),
        found.actor,
        found.organisation,
        found.unit,
        found.basis,
        found.case,
        found.consent,
        found.meeting,
    ] {
        word(row, value);
    }
    match found.permitted {
        None => word(row, None),
        Some(permitted) => write(row, &[u8::from(permitted)]),
    }
}

fn word(row: &mut Vec<u8>, value: Option<&str>) {
    match value {
        None => row.extend_from_slice(&(-1_i32).to_be_bytes()),
        Some(text) => write(row, text.as_bytes()),
    }
}

fn write(row: &mut Vec<u8>, value: &[u8]) {
    row.extend_from_slice(&(value.len() as i32).to_be_bytes());
    row.extend_from_slice(value);
}
