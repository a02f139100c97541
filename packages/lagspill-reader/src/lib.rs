//! Reads the records of the bus for the confidentiality log: the fast way of `services.audit.domain.entry`, compiled, and of what
//! a batch notes of its entries (`services.audit.domain.intake`).

#![forbid(unsafe_code)]

mod rows;
mod written;

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use rows::Rows;
use sha2::{Digest, Sha256};
use written::{read, Found};

/// What tlog-tiles can serve; longer records are stated.
const MAX_ENTRY: usize = 65_535;

/// Kinds of events (by topic, type and source) that are noted of one log in one batch.
const KINDS: usize = 256;

type Counts = HashMap<(String, String), Vec<i64>>;

/// One log's part of what was read.
#[derive(Default)]
struct Part {
    received: Vec<Py<PyAny>>,
    hashes: Vec<[u8; 32]>,
    rows: Rows,
    ids: Vec<u8>,
    /// The numbers of each (topic, type, source), in the order in which these were first seen.
    kinds: Vec<((String, String, String), Vec<i64>)>,
    sequences: Counts,
    lanes: Counts,
    others: usize,
}

impl Part {
    fn add(&mut self, found: &Found<'_>, topic: &str, own: &str, hash: [u8; 32]) {
        self.hashes.push(hash);
        if found.source != own {
            self.others = self.hashes.len();
        }
        self.ids.extend_from_slice(&found.identity());
        let kind = self.kind(found, topic).unwrap_or_else(|| {
            let kind = (topic.to_owned(), found.event_type.to_owned(), found.source.to_owned());
            self.kinds.push((kind, Vec::new()));
            self.kinds.len() - 1
        });
        let Some(number) = found.number else {
            return;
        };
        self.kinds[kind].1.push(number);
        if let Some((name, count)) = found.lane {
            note(&mut self.lanes, found.source, name, count);
        }
        if let Some(sequence) = found.sequence {
            note(&mut self.sequences, found.source, found.subject, sequence);
        }
    }

    fn kind(&self, found: &Found<'_>, topic: &str) -> Option<usize> {
        self.kinds.iter().position(|((of_topic, of_type, of_source), _)| {
            of_type == found.event_type && of_source == found.source && of_topic == topic
        })
    }

    /// Whether it is to be noted here: of more kinds than there are, looking for one would take its time.
    fn notes(&self, found: &Found<'_>, topic: &str) -> bool {
        self.kinds.len() < KINDS || self.kind(found, topic).is_some()
    }
}

fn note(counts: &mut Counts, source: &str, name: &str, number: i64) {
    counts.entry((source.to_owned(), name.to_owned())).or_default().push(number);
}

/// The records of one batch, log by log: those that the services write, as they write them.
#[pyclass]
struct Gathering {
    own: String,
    parts: HashMap<String, Part>,
}

#[pymethods]
impl Gathering {
    /// Begin a batch of a service that is called `own` itself.
    #[new]
    fn new(own: String) -> Self {
        Gathering { own, parts: HashMap::new() }
    }

    /// Read the records from the `first`-th on, up to one that only the general way can read; return which that is.
    fn take(&mut self, topic: &str, partition: i32, records: &Bound<'_, PyList>, first: usize) -> PyResult<usize> {
        for nth in first..records.len() {
            let item = records.get_item(nth)?;
            let received = item.downcast::<PyTuple>()?;
            let value = received.get_item(3)?;
            let Ok(leaf) = value.downcast::<PyBytes>() else {
                return Ok(nth);
            };
            let leaf = leaf.as_bytes();
            let Some(found) = (leaf.len() <= MAX_ENTRY).then(|| read(leaf)).flatten() else {
                return Ok(nth);
            };
            if !self.parts.contains_key(found.municipality) {
                self.parts.insert(found.municipality.to_owned(), Part::default());
            }
            let Some(part) = self.parts.get_mut(found.municipality).filter(|part| part.notes(&found, topic)) else {
                return Ok(nth);
            };
            let offset = received.get_item(2)?.extract()?;
            let mut hash = Sha256::new();
            hash.update([0]);
            hash.update(leaf);
            part.add(&found, topic, &self.own, hash.finalize().into());
            part.rows.add(&found, topic, partition, offset, leaf);
            part.received.push(item.clone().unbind());
        }
        Ok(records.len())
    }

    /// Return the logs for which something was read.
    fn logs(&self) -> Vec<&str> {
        self.parts.keys().map(String::as_str).collect()
    }

    /// Return what was read for a log (the members of a `Gist`), and keep nothing of it; None if there is nothing.
    fn drain<'py>(&mut self, py: Python<'py>, log: &str) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some(part) = self.parts.remove(log) else {
            return Ok(None);
        };
        let members = [
            PyList::new(py, part.received)?.into_any(),
            PyList::new(py, part.hashes.iter().map(|hash| PyBytes::new(py, hash)))?.into_any(),
            Bound::new(py, part.rows)?.into_any(),
            PyBytes::new(py, &part.ids).into_any(),
            PyList::new(py, part.kinds)?.into_any(),
            PyList::new(py, part.sequences)?.into_any(),
            PyList::new(py, part.lanes)?.into_any(),
            part.others.into_pyobject(py)?.into_any(),
        ];
        PyTuple::new(py, members).map(Some)
    }
}

#[pymodule]
fn lagspill_reader(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Gathering>()
}
