//! Which rows of the audit log don't hold, and what happened to them.

use std::collections::VecDeque;

use super::audit_row::{FoundRow, Link};
use super::{AuditFault, AuditKind};

/// Faults that are told one by one.
const FAULTS_MAX: usize = 1000;
/// Rows in the wrong place that are compared with each other and with the places that are empty.
const MOVES_MAX: usize = 200;
/// A removal that others were renumbered over is seen up to this length.
const RENUMBERED_MAX: i64 = 64;

/// Walks the rows in their order; what comes next decides what a row that does not fit is.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The last row of all, if it is known.
    end: Option<Link>,
    /// The number that the next row had when it was written.
    expected: Option<i64>,
    /// What the next row has to continue, if that is known.
    before: Option<[u8; 32]>,
    /// By how much rows stand behind their own number, because others were put in or taken out before them.
    shift: i64,
    window: VecDeque<FoundRow>,
    /// Rows that don't hold where they are.
    suspects: Vec<FoundRow>,
    /// Rows where there can be none.
    strays: Vec<FoundRow>,
    missing: Vec<(i64, i64)>,
    faults: Vec<AuditFault>,
    more: bool,
}

impl Walk {
    pub(crate) fn new(start: Option<Link>, end: Option<Link>) -> Self {
        let expected = start.map(|start| start.seq.saturating_add(1));
        Self { end, expected, before: start.map(|start| start.hash), ..Self::default() }
    }

    pub(crate) fn push(&mut self, row: FoundRow) {
        self.window.push_back(row);
        if self.window.len() > 2 {
            self.judge_first();
        }
    }

    /// The faults in their order, and whether there are more.
    pub(crate) fn finish(mut self) -> (Vec<AuditFault>, bool) {
        while !self.window.is_empty() {
            self.judge_first();
        }
        if let (Some(expected), Some(end)) = (self.expected, self.end)
            && expected <= end.seq
        {
            self.miss(expected, end.seq);
        }
        self.settle();
        self.faults.sort();
        (self.faults, self.more)
    }

    fn judge_first(&mut self) {
        let Some(row) = self.window.pop_front() else { return };
        let mut place = row.row.seq.saturating_sub(self.shift);
        let expected = self.expected.unwrap_or(place);
        if place < expected || self.is_behind_the_end(place) {
            return self.stray(row);
        }
        if place > expected {
            self.miss(expected, place.saturating_sub(1));
            self.before = None;
        }
        if self.is_inserted(&row, place) {
            self.shift = self.shift.saturating_add(1);
            self.expected = Some(place);
            return self.fault(AuditFault::Inserted(row.row.seq));
        }
        let mut holds = row.holds_at(place);
        if !holds && let Some(count) = self.renumbered_over(&row, place) {
            self.miss(place, place.saturating_add(count - 1));
            self.shift = self.shift.saturating_sub(count);
            self.before = None;
            place = place.saturating_add(count);
            holds = true;
        }
        self.expected = Some(place.saturating_add(1));
        let linked = holds && self.is_linked(&row, place);
        self.before = linked.then_some(row.hash);
        if !holds {
            return self.suspect(row);
        }
        if !linked {
            self.fault(AuditFault::Altered(row.row.seq));
        } else if row.row.kind == AuditKind::LogBroken.as_str() {
            self.fault(AuditFault::Broken(row.row.seq));
        }
    }

    /// A row whose own hash is right may have got it anew: then its neighbours tell.
    fn is_linked(&self, row: &FoundRow, place: i64) -> bool {
        if self.before.is_some_and(|before| before != row.row.prev_hash) {
            return false;
        }
        if self.is_continued(row, place, 0) != Some(false) {
            return true;
        }
        let next_place = place.saturating_add(1);
        let next = self.window.front().filter(|_| !self.is_behind_the_end(next_place));
        // A next row that does not hold, or has the same trouble behind it, is the altered one itself.
        next.is_some_and(|next| !next.holds_at(next_place) || self.is_continued(next, next_place, 1) == Some(false))
    }

    /// Whether the row after it, `ahead` in the window, continues it. None where that can't be told.
    fn is_continued(&self, row: &FoundRow, place: i64, ahead: usize) -> Option<bool> {
        match self.end {
            Some(end) if end.seq == place => Some(end.hash == row.hash),
            _ => {
                let next = self.window.get(ahead).filter(|next| is_next(row, next))?;
                Some(next.row.prev_hash == row.hash)
            }
        }
    }

    /// Whether the row after it was made for its place.
    fn is_inserted(&self, row: &FoundRow, place: i64) -> bool {
        let Some(next) = self.window.front().filter(|next| is_next(row, next)) else { return false };
        // Of a row that is continued there is no doubt; the rest costs hashes.
        if next.row.prev_hash == row.hash || self.before.is_some_and(|before| before != next.row.prev_hash) {
            return false;
        }
        next.holds_at(place) && self.goes_on(next, place, 1)
    }

    /// For how many removed rows the numbers of all that follow were lowered.
    fn renumbered_over(&self, row: &FoundRow, place: i64) -> Option<i64> {
        let count = (1..=RENUMBERED_MAX).find(|count| row.holds_at(place.saturating_add(*count)))?;
        self.goes_on(row, place.saturating_add(count), 0).then_some(count)
    }

    /// Whether what follows was made for the places after `place`, too: else the row alone is in a wrong place.
    fn goes_on(&self, row: &FoundRow, place: i64, ahead: usize) -> bool {
        match self.window.get(ahead) {
            Some(next) if is_next(row, next) => next.holds_at(place.saturating_add(1)),
            _ => self.end.is_none_or(|end| end == Link { seq: place, hash: row.hash }),
        }
    }

    fn is_behind_the_end(&self, place: i64) -> bool {
        self.end.is_some_and(|end| place > end.seq)
    }

    /// Finds where rows in a wrong place come from; the others were altered, or inserted.
    fn settle(&mut self) {
        let (suspects, strays) = (std::mem::take(&mut self.suspects), std::mem::take(&mut self.strays));
        let mut places: Vec<i64> = suspects.iter().map(|row| row.row.seq).collect();
        places.extend(self.missing.iter().flat_map(|(first, last)| *first..=*last).take(MOVES_MAX));
        let known = |row: &FoundRow| places.iter().copied().find(|place| row.holds_at(*place));
        let judged = suspects.iter().map(|row| (row, AuditFault::Altered(row.row.seq)));
        let judged: Vec<_> = judged.chain(strays.iter().map(|row| (row, AuditFault::Inserted(row.row.seq)))).collect();
        for (row, otherwise) in judged {
            match known(row) {
                Some(from) => {
                    self.found(from);
                    self.fault(AuditFault::Moved { seq: row.row.seq, from });
                }
                None => self.fault(otherwise),
            }
        }
        for (first, last) in std::mem::take(&mut self.missing) {
            self.fault(AuditFault::Removed(first, last));
        }
    }

    /// Takes a place out of those that are missing.
    fn found(&mut self, place: i64) {
        let Some(at) = self.missing.iter().position(|(first, last)| (*first..=*last).contains(&place)) else { return };
        let (first, last) = self.missing.swap_remove(at);
        let rests = [(first, place.saturating_sub(1)), (place.saturating_add(1), last)];
        self.missing.extend(rests.into_iter().filter(|(first, last)| first <= last));
    }

    fn miss(&mut self, first: i64, last: i64) {
        bounded(&mut self.missing, FAULTS_MAX, (first, last), &mut self.more);
    }

    fn fault(&mut self, fault: AuditFault) {
        bounded(&mut self.faults, FAULTS_MAX, fault, &mut self.more);
    }

    fn suspect(&mut self, row: FoundRow) {
        if self.suspects.len() < MOVES_MAX {
            self.suspects.push(row);
        } else {
            self.fault(AuditFault::Altered(row.row.seq));
        }
    }

    fn stray(&mut self, row: FoundRow) {
        if self.strays.len() < MOVES_MAX {
            self.strays.push(row);
        } else {
            self.fault(AuditFault::Inserted(row.row.seq));
        }
    }
}

fn is_next(row: &FoundRow, next: &FoundRow) -> bool {
    next.row.seq == row.row.seq.saturating_add(1)
}

fn bounded<T>(list: &mut Vec<T>, max: usize, member: T, more: &mut bool) {
    if list.len() < max {
        list.push(member);
    } else {
        *more = true;
    }
}
