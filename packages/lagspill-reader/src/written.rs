//! A record as the services write it: attribute after attribute in one order and without spaces, and nothing else.
//!
//! The same as `services.audit.domain.written` and `read_written` in Python, which say why: what is refused here is not wrong, it
//! is read the general way. Where this is narrower than those two, it is so to stay simple; it must never be wider.

/// What an entry is found by. Texts are pieces of the record; all of them are ASCII.
#[derive(Default)]
pub struct Found<'a> {
    pub municipality: &'a str,
    pub kind: &'a str,
    pub event_type: &'a str,
    pub source: &'a str,
    pub event_id: &'a str,
    pub number: Option<i64>,
    pub subject: &'a str,
    pub sequence: Option<i64>,
    pub happened: Moment,
    pub case: Option<&'a str>,
    pub actor: Option<&'a str>,
    pub organisation: Option<&'a str>,
    pub unit: Option<&'a str>,
    pub basis: Option<&'a str>,
    pub consent: Option<&'a str>,
    pub meeting: Option<&'a str>,
    pub permitted: Option<bool>,
    pub lane: Option<Lane<'a>>,
}

impl Found<'_> {
    /// Return the 16 bytes of the event's id.
    pub fn identity(&self) -> [u8; 16] {
        let mut identity = [0_u8; 16];
        let digits = self.event_id.bytes().filter(|byte| *byte != b'-');
        for (nth, digit) in digits.map(|byte| (byte as char).to_digit(16).unwrap_or(0) as u8).enumerate() {
            identity[nth / 2] = identity[nth / 2] << 4 | digit;
        }
        identity
    }
}

/// A database session's lane, and the count in it.
pub type Lane<'a> = (&'a str, i64);

/// A moment in UTC, of the calendar's years 1 to 9999.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
}

const ACCESS: &str = "no.lagspill.access.recorded.v1";
const EVENT: &str = "event";
const MAX_NUMBER: i64 = 1 << 62;
const NUMBER: &[u8] = b",\"sourcesequence\":\"";
const END: &[u8] = b"\"}";
const DIGITS: usize = 20;
const TAIL: usize = NUMBER.len() + DIGITS + END.len();
const LANE: &[u8] = b",\"lane\":\"";
const LANE_NAME: usize = 15;
const LANE_LONGEST: usize = LANE.len() + LANE_NAME + 20 + 1;
const DEEPEST: usize = 16;

/// Return what the record says; None for one that only the general way can read.
pub fn read(record: &[u8]) -> Option<Found<'_>> {
    let tail = record.len().checked_sub(TAIL)?;
    let (body, rest) = record.split_at(tail);
    let digits = rest.strip_prefix(NUMBER)?.strip_suffix(END)?;
    let (body, lane) = lane(body);
    let mut at = Cursor { bytes: body, at: 0 };
    let mut found = Found { lane, number: number(digits)?, ..Found::default() };

    at.literal(b"{\"specversion\":\"1.0\",\"id\":\"")?;
    found.event_id = at.uuid()?;
    at.literal(b"\",\"source\":\"")?;
    found.source = at.until_quote(120)?;
    is_source(found.source).then_some(())?;
    at.literal(b"\",\"type\":\"")?;
    found.event_type = at.until_quote(200)?;
    is_type(found.event_type).then_some(())?;
    at.literal(b"\",\"subject\":\"")?;
    found.subject = at.subject()?;
    at.literal(b"\",\"time\":\"")?;
    found.happened = at.moment()?;
    at.literal(b"\",\"recordedtime\":\"")?;
    at.moment()?;
    at.literal(b"\",\"partitionkey\":\"")?;
    let key = at.subject()?;
    if at.literal(b"\",\"sequence\":\"").is_some() {
        found.sequence = number(at.take(DIGITS)?)?;
    }
    at.literal(b"\",\"correlationid\":\"")?;
    at.uuid()?;
    if at.literal(b"\",\"causationid\":\"").is_some() {
        at.uuid()?;
    }
    at.literal(b"\",\"municipality\":\"")?;
    found.municipality = at.until_quote(40)?;
    is_scope(found.municipality).then_some(())?;
    at.literal(b"\",\"authtype\":\"")?;
    matches!(at.until_quote(20)?, "user" | "service_account" | "unknown" | "system").then_some(())?;
    let mut author = None;
    if at.literal(b"\",\"authid\":\"").is_some() {
        author = Some(at.actor()?);
    }
    at.literal(b"\",\"dataclassification\":\"restricted\",\"dataregulation\":\"GDPR\",\"datacategory\":\"")?;
    matches!(at.until_quote(10)?, "personal" | "none").then_some(())?;
    at.literal(b"\",\"datacontenttype\":\"application/json\",\"dataschema\":\"")?;
    at.plain()?;
    if at.literal(b"\",\"traceparent\":\"").is_some() {
        at.trace()?;
    }
    at.literal(b"\",\"data\":")?;

    if found.event_type == ACCESS {
        access(&mut at, &mut found)?;
    } else {
        found.kind = EVENT;
        event(&mut at, &mut found)?;
    }
    at.is_done().then_some(())?;
    found.case = found.case.or_else(|| naming("cas_", found.subject)).or_else(|| naming("cas_", key));
    found.meeting = found.meeting.or_else(|| naming("mtg_", found.subject));
    found.actor = found.actor.or(author);
    Some(found)
}

/// The data of an access record, with whatever simple members it has got since at its end.
fn access<'a>(at: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    at.literal(b"{\"subject_ref\":\"")?;
    at.actor()?;
    at.literal(b"\",\"kind\":\"")?;
    found.kind = at.code()?;
    at.literal(b"\",\"actor\":{\"id\":\"")?;
    found.actor = Some(at.actor()?);
    at.literal(b"\"")?;
    if at.literal(b",\"role\":\"").is_some() {
        at.word()?;
    }
    if at.literal(b",\"service\":\"").is_some() {
        at.word()?;
    }
    if at.literal(b",\"unit\":\"").is_some() {
        found.unit = Some(at.unit()?);
        at.literal(b"\"")?;
    }
    if at.literal(b",\"organisation\":\"").is_some() {
        found.organisation = Some(at.organisation()?);
        at.literal(b"\"")?;
    }
    if at.literal(b",\"client\":\"").is_some() {
        at.plain()?;
        at.literal(b"\"")?;
    }
    if at.literal(b",\"on_behalf_of\":\"").is_some() {
        at.actor()?;
        at.literal(b"\"")?;
    }
    at.literal(b"}")?;
    if at.literal(b",\"case\":\"").is_some() {
        found.case = Some(at.reference("cas_")?);
        at.literal(b"\"")?;
    }
    at.literal(b",\"categories\":[")?;
    at.list(|at| {
        at.literal(b"\"")?;
        at.word()
    })?;
    at.literal(b",\"documents\":[")?;
    at.list(|at| {
        at.literal(b"\"")?;
        at.actor()?;
        at.literal(b"\"")
    })?;
    if at.literal(b",\"purpose\":\"").is_some() {
        at.word()?;
    }
    if at.literal(b",\"basis\":{\"code\":\"").is_some() {
        found.basis = Some(at.code()?);
        at.literal(b"\",\"version\":\"")?;
        at.plain()?;
        at.literal(b"\"}")?;
    }
    if at.literal(b",\"consent\":\"").is_some() {
        found.consent = Some(at.reference("cst_")?);
        at.literal(b"\"")?;
    }
    if at.literal(b",\"consent_version\":").is_some() {
        let digits = at.some(1, 9, |byte| byte.is_ascii_digit())?;
        (digits == "0" || !digits.starts_with('0')).then_some(())?;
    }
    if at.literal(b",\"meeting\":\"").is_some() {
        found.meeting = Some(at.reference("mtg_")?);
        at.literal(b"\"")?;
    }
    if at.literal(b",\"item\":\"").is_some() {
        at.actor()?;
        at.literal(b"\"")?;
    }
    at.literal(b",\"recipients\":[")?;
    at.list(|at| {
        at.literal(b"{\"service\":\"")?;
        at.word()?;
        if at.literal(b",\"role\":\"").is_some() {
            at.word()?;
        }
        if at.literal(b",\"organisation\":\"").is_some() {
            at.organisation()?;
            at.literal(b"\"")?;
        }
        at.literal(b"}")
    })?;
    at.literal(b",\"permitted\":")?;
    found.permitted = Some(at.truth()?);
    while at.literal(b",\"").is_some() {
        let name = at.some(1, 60, |byte| byte.is_ascii_lowercase() || byte == b'_')?;
        (!FOUND_BY.contains(&name) && name != "kind").then_some(())?;
        at.literal(b"\":")?;
        if at.literal(b"\"").is_some() {
            at.plain()?;
            at.literal(b"\"")?;
        } else {
            at.truth()?;
        }
    }
    at.literal(b"}")
}

const FOUND_BY: [&str; 6] = ["case", "actor", "basis", "consent", "meeting", "permitted"];

/// The data of any other event: one object, of values that every reader of JSON reads alike.
fn event<'a>(at: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
    at.literal(b"{")?;
    if at.literal(b"}").is_some() {
        return Some(());
    }
    let mut seen = [false; 3];
    loop {
        at.literal(b"\"")?;
        let name = at.plain()?;
        at.literal(b"\":")?;
        let place = match name {
            "case" => Some((0, "cas_", &mut found.case)),
            "consent" => Some((1, "cst_", &mut found.consent)),
            "meeting" => Some((2, "mtg_", &mut found.meeting)),
            "actor" | "basis" | "permitted" => return None,
            _ => None,
        };
        if let Some((nth, prefix, said)) = place {
            // Of a member that is there twice the last one counts: readers agree on that, but it need not be so here.
            (!std::mem::replace(&mut seen[nth], true)).then_some(())?;
            if at.literal(b"\"").is_some() {
                *said = naming(prefix, at.plain()?);
                at.literal(b"\"")?;
            } else {
                at.value(DEEPEST)?;
            }
        } else {
            at.value(DEEPEST)?;
        }
        if at.literal(b"}").is_some() {
            return Some(());
        }
        at.literal(b",")?;
    }
}

/// Return the record without the lane that the database wrote behind its data, and that lane.
fn lane(body: &[u8]) -> (&[u8], Option<Lane<'_>>) {
    split_lane(body).unwrap_or((body, None))
}

fn split_lane(body: &[u8]) -> Option<(&[u8], Option<Lane<'_>>)> {
    let inner = body.strip_suffix(b"\"")?;
    let from = body.len().saturating_sub(LANE_LONGEST);
    let at = (from..body.len()).rev().find(|at| body[*at..].starts_with(LANE))?;
    let said = inner.get(at + LANE.len()..)?;
    let name = said.get(..LANE_NAME)?;
    let digits = said[LANE_NAME..].strip_prefix(b"/")?;
    let fits = name.iter().all(is_letter) && (1..=19).contains(&digits.len()) && digits[0] != b'0';
    fits.then_some(())?;
    let count = unsigned(digits)?;
    let name = std::str::from_utf8(name).ok()?;
    Some((&body[..at], (count <= MAX_NUMBER as u64).then_some((name, count as i64))))
}

/// What is left of a record, and what is next in it.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn literal(&mut self, said: &[u8]) -> Option<()> {
        self.rest().starts_with(said).then(|| self.at += said.len())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at += count;
        Some(taken)
    }

    /// Return the bytes of a class that come next, if there are as many.
    fn some(&mut self, least: usize, most: usize, class: impl Fn(u8) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let count = rest.iter().position(|byte| !class(*byte)).unwrap_or(rest.len());
        if !(least..=most).contains(&count) {
            return None;
        }
        self.at += count;
        std::str::from_utf8(&rest[..count]).ok()
    }

    fn until_quote(&mut self, most: usize) -> Option<&'a str> {
        self.some(1, most, |byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    }

    /// A JSON string's inside in which every character stands for itself.
    fn plain(&mut self) -> Option<&'a str> {
        self.some(0, usize::MAX, |byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\')
    }

    /// A word, with the quote behind it.
    fn word(&mut self) -> Option<()> {
        self.some(0, usize::MAX, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')?;
        self.literal(b"\"")
    }

    fn code(&mut self) -> Option<&'a str> {
        self.some(2, 60, is_code)
    }

    fn unit(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.literal(b"unit:")?;
        self.some(1, 60, is_code)?;
        std::str::from_utf8(&self.bytes[from..self.at]).ok()
    }

    fn organisation(&mut self) -> Option<&'a str> {
        self.some(9, 9, |byte| byte.is_ascii_digit())
    }

    fn subject(&mut self) -> Option<&'a str> {
        self.some(1, 120, |byte| byte.is_ascii_alphanumeric() || b"._/:-".contains(&byte))
    }

    fn actor(&mut self) -> Option<&'a str> {
        let from = self.at;
        let prefix = self.take(4)?;
        (prefix[..3].iter().all(u8::is_ascii_lowercase) && prefix[3] == b'_').then_some(())?;
        self.some(8, 64, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')?;
        std::str::from_utf8(&self.bytes[from..self.at]).ok()
    }

    fn reference(&mut self, prefix: &str) -> Option<&'a str> {
        naming(prefix, self.until_quote(30)?)
    }

    fn uuid(&mut self) -> Option<&'a str> {
        let taken = self.take(36)?;
        let fits = taken.iter().enumerate().all(|(nth, byte)| match nth {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => is_hexadecimal(byte),
        });
        fits.then(|| std::str::from_utf8(taken).ok())?
    }

    fn trace(&mut self) -> Option<()> {
        let taken = self.take(55)?;
        let fits = taken.iter().enumerate().all(|(nth, byte)| match nth {
            2 | 35 | 52 => *byte == b'-',
            _ => is_hexadecimal(byte),
        });
        fits.then_some(())
    }

    fn truth(&mut self) -> Option<bool> {
        if self.literal(b"true").is_some() {
            return Some(true);
        }
        self.literal(b"false").map(|()| false)
    }

    /// The items of a list behind its bracket, and the bracket at its end.
    fn list(&mut self, item: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        if self.literal(b"]").is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.literal(b"]").is_some() {
                return Some(());
            }
            self.literal(b",")?;
        }
    }

    fn moment(&mut self) -> Option<Moment> {
        let taken = self.take(19)?;
        let (date, time) = taken.split_at(10);
        (date[4] == b'-' && date[7] == b'-' && time[0] == b'T' && time[3] == b':' && time[6] == b':').then_some(())?;
        let mut moment = Moment {
            year: unsigned(&date[..4])? as i32,
            month: unsigned(&date[5..7])? as u8,
            day: unsigned(&date[8..])? as u8,
            hour: unsigned(&time[1..3])? as u8,
            minute: unsigned(&time[4..6])? as u8,
            second: unsigned(&time[7..])? as u8,
            microsecond: 0,
        };
        if self.literal(b".").is_some() {
            let digits = self.some(1, 6, |byte| byte.is_ascii_digit())?;
            moment.microsecond = unsigned(digits.as_bytes())? as u32 * 10_u32.pow(6 - digits.len() as u32);
        }
        self.literal(b"Z")?;
        moment.is_in_the_calendar().then_some(moment)
    }

    /// A JSON value nested no deeper than `deepest`: texts of plain characters, whole numbers that fit every reader.
    fn value(&mut self, deepest: usize) -> Option<()> {
        match *self.rest().first()? {
            b'"' => {
                self.at += 1;
                self.plain()?;
                self.literal(b"\"")
            }
            b't' | b'f' => self.truth().map(|_| ()),
            b'n' => self.literal(b"null"),
            b'[' => {
                self.at += 1;
                let deeper = deepest.checked_sub(1)?;
                self.list(|at| at.value(deeper))
            }
            b'{' => {
                self.at += 1;
                let deeper = deepest.checked_sub(1)?;
                if self.literal(b"}").is_some() {
                    return Some(());
                }
                loop {
                    self.literal(b"\"")?;
                    self.plain()?;
                    self.literal(b"\":")?;
                    self.value(deeper)?;
                    if self.literal(b"}").is_some() {
                        return Some(());
                    }
                    self.literal(b",")?;
                }
            }
            _ => {
                let _ = self.literal(b"-");
                let digits = self.some(1, 15, |byte| byte.is_ascii_digit())?;
                (digits == "0" || !digits.starts_with('0')).then_some(())
            }
        }
    }
}

impl Moment {
    fn is_in_the_calendar(&self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return false,
        };
        self.year >= 1 && (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second < 60
    }

    /// Return what a timestamptz is made of: microseconds since the year 2000.
    pub fn since_2000(&self) -> i64 {
        // Days from the civil calendar, counted in eras of 400 years that begin in March (H. Hinnant's form of it).
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((i64::from(self.month) + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730_425;
        let seconds = days * 86_400 + i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        seconds * 1_000_000 + i64::from(self.microsecond)
    }
}

fn is_code(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_letter(byte: &u8) -> bool {
    b"bcdfghjklmnpqrstvwxz".contains(byte)
}

fn is_hexadecimal(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn naming<'a>(prefix: &str, value: &'a str) -> Option<&'a str> {
    let letters = value.strip_prefix(prefix)?.as_bytes();
    (letters.len() == 26 && letters.iter().all(is_letter)).then_some(value)
}

fn is_scope(value: &str) -> bool {
    value.len() == 4 && value.bytes().all(|byte| byte.is_ascii_digit()) || naming("prt_", value).is_some()
}

fn is_source(value: &str) -> bool {
    value.strip_prefix("/services/").is_some_and(|name| (2..=31).contains(&name.len()) && is_segment(name))
}

fn is_segment(value: &str) -> bool {
    value.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether it is the type of an event of ours. A seal says more than is read here.
fn is_type(value: &str) -> bool {
    let parts = value.strip_prefix("no.lagspill.").and_then(|rest| rest.rsplit_once(".v"));
    parts.is_some_and(|(name, version)| {
        !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_digit())
            && name.split('.').all(is_segment)
            && !name.ends_with("sealed")
    })
}

fn unsigned(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Return what 20 digits count: nothing where that is nothing, or more than anybody publishes. None where they are no digits.
fn number(digits: &[u8]) -> Option<Option<i64>> {
    digits.iter().all(u8::is_ascii_digit).then_some(())?;
    let count = unsigned(digits).and_then(|count| i64::try_from(count).ok());
    Some(count.filter(|count| (1..=MAX_NUMBER).contains(count)))
}
