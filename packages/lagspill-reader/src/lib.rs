//! Reads the records of the bus for the confidentiality log: the fast way of `services.audit.domain.entry`, compiled.

#![forbid(unsafe_code)]

mod written;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::GILOnceCell;
use pyo3::types::{PyBytes, PyDateTime, PyTuple, PyType, PyTzInfo};
use sha2::{Digest, Sha256};
use written::{read, Found};

/// What tlog-tiles can serve; longer records are stated.
const MAX_ENTRY: usize = 65_535;

/// PostgreSQL's binary COPY format, from the value of `happened_at` on: what `services.audit.rows.row` makes.
struct Row(Vec<u8>);

impl Row {
    fn word(&mut self, value: Option<&str>) {
        match value {
            None => self.0.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(text) => self.bytes(text.as_bytes()),
        }
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.0.extend_from_slice(value);
    }
}

fn row(found: &Found<'_>, topic: &str, partition: i32, offset: i64, leaf: &[u8]) -> Vec<u8> {
    let mut row = Row(Vec::with_capacity(leaf.len() + 512));
    row.0.extend_from_slice(&found.happened.since_2000().to_be_bytes());
    row.bytes(&partition.to_be_bytes());
    row.bytes(&offset.to_be_bytes());
    let mut identity = [0_u8; 16];
    let digits = found.event_id.bytes().filter(|byte| *byte != b'-').map(|byte| (byte as char).to_digit(16).unwrap_or(0) as u8);
    for (nth, digit) in digits.enumerate() {
        identity[nth / 2] = identity[nth / 2] << 4 | digit;
    }
    row.bytes(&identity);
    match found.number {
        None => row.word(None),
        Some(number) => row.bytes(&number.to_be_bytes()),
    }
    row.bytes(leaf);
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
        row.word(value);
    }
    match found.permitted {
        None => row.word(None),
        Some(permitted) => row.bytes(&[u8::from(permitted)]),
    }
    row.0
}

/// Makes entries of records.
///
/// Args:
///     entry: the class of an entry, a named tuple.
#[pyclass(frozen)]
struct Reader {
    entry: Py<PyType>,
}

static NEW: GILOnceCell<Py<PyAny>> = GILOnceCell::new();

#[pymethods]
impl Reader {
    #[new]
    fn new(entry: Py<PyType>) -> Self {
        Reader { entry }
    }

    /// Return the entry of a record, and its row; None for a record that only the general way can read.
    fn read<'py>(
        &self,
        py: Python<'py>,
        received: &Bound<'py, PyTuple>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyBytes>)>> {
        let (topic, partition, offset, value) = received.extract::<(PyBackedStr, i32, i64, Option<Bound<'py, PyBytes>>)>()?;
        let value = match value {
            None => return Ok(None),
            Some(value) => value,
        };
        let leaf = value.as_bytes();
        if leaf.len() > MAX_ENTRY {
            return Ok(None);
        }
        let found = match read(leaf) {
            None => return Ok(None),
            Some(found) => found,
        };
        let moment = found.happened;
        let utc = PyTzInfo::utc(py)?;
        let happened = PyDateTime::new(
            py,
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            Some(&*utc),
        )?;
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(leaf);
        let row = row(&found, &topic, partition, offset, leaf);
        let fields = PyTuple::new(
            py,
            [
                found.municipality.into_pyobject(py)?.into_any(),
                value.clone().into_any(),
                PyBytes::new(py, &hash.finalize()).into_any(),
                received.clone().into_any(),
                found.kind.into_pyobject(py)?.into_any(),
                found.event_type.into_pyobject(py)?.into_any(),
                found.source.into_pyobject(py)?.into_any(),
                found.event_id.into_pyobject(py)?.into_any(),
                found.number.into_pyobject(py)?.into_any(),
                found.subject.into_pyobject(py)?.into_any(),
                found.sequence.into_pyobject(py)?.into_any(),
                happened.into_any(),
                found.case.into_pyobject(py)?.into_any(),
                found.actor.into_pyobject(py)?.into_any(),
                found.organisation.into_pyobject(py)?.into_any(),
                found.unit.into_pyobject(py)?.into_any(),
                found.basis.into_pyobject(py)?.into_any(),
                found.consent.into_pyobject(py)?.into_any(),
                found.meeting.into_pyobject(py)?.into_any(),
                found.permitted.into_pyobject(py)?.into_any(),
                py.None().into_bound(py),
                found.lane.into_pyobject(py)?.into_any(),
                py.None().into_bound(py),
            ],
        )?;
        let new = NEW.get_or_try_init(py, || py.get_type::<PyTuple>().getattr("__new__").map(Bound::unbind))?;
        let entry = new.bind(py).call1((self.entry.bind(py), fields))?;
        Ok(Some((entry, PyBytes::new(py, &row))))
    }
}

#[pymodule]
fn lagspill_reader(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Reader>()
}
