//! What `verify` has to say about a manifest and the files around it.

use super::{Found, LeftoverKind, Set};
use crate::aof::manifest::Role;
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::Since;
use crate::text::quoted;

impl Set {
    /// What `verify` has to say about the manifest and the files around it, but not about what is in them.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let manifest = self.manifest.to_string_lossy();
        let mut findings: Vec<Finding> = self
            .reading
            .problems
            .iter()
            .map(|problem| {
                let mut finding = match problem.kind.is_fatal() {
                    true => Finding::refused("manifest", problem.at, problem.kind.to_string()),
                    false => Finding::warning("manifest", problem.at, problem.kind.to_string()),
                };
                if problem.kind.server_words().is_none() {
                    finding.refused = Refused::Never;
                }
                finding.place.file = Some(manifest.clone().into_owned());
                match problem.place() {
                    Some(line) => finding.within(line),
                    None => finding,
                }
            })
            .collect();
        for member in &self.members {
            let (severity, code) = match &member.found {
                Found::File(_) => continue,
                // History is never opened, so nobody misses it.
                Found::Missing if member.record.role == Role::History => continue,
                Found::NotYetMoved(_) => (Severity::Note, "member-not-moved"),
                Found::Missing => (Severity::Damage, "member-missing"),
                Found::Outside(_) => (Severity::Damage, "member-outside"),
                Found::Repeated(_) => (Severity::Damage, "member-repeated"),
                Found::NotAFile => (Severity::Damage, "member-no-file"),
                Found::Unreadable(_) => (Severity::Damage, "member-unreadable"),
            };
            let message = member.unread().unwrap_or_else(|| {
                let name = quoted(&member.record.name);
                format!("{name} is still outside the folder; the next start of a server moves it")
            });
            let mut finding = Finding::warning(code, 0, message);
            finding.place.offset = None;
            finding.place.file = Some(member.path.to_string_lossy().into_owned());
            finding.severity = severity;
            if code == "member-missing" {
                // Servers before 7.0 know no manifests.
                finding.refused = Refused::With(Since::both((7, 0)));
            }
            findings.push(finding);
        }
        for leftover in &self.leftovers {
            if leftover.kind == LeftoverKind::Other {
                continue;
            }
            let message = match leftover.kind {
                LeftoverKind::TempManifest => "a manifest that was never put in place",
                LeftoverKind::TempIncr => "the log of an AOF that was being switched on",
                LeftoverKind::TempRewrite => "what a rewrite had written when it was stopped",
                LeftoverKind::UnlistedBase => {
                    "a base that the manifest does not list: not part of the data"
                }
                LeftoverKind::OrphanedIncr => {
                    "an incr that the manifest does not list: not part of the data"
                }
                LeftoverKind::OtherManifest | LeftoverKind::Other => "another manifest",
            };
            let mut finding = Finding::warning(
                leftover.kind.name(),
                0,
                format!("{message} ({} bytes)", leftover.size),
            );
            finding.severity = Severity::Note;
            finding.place.offset = None;
            finding.place.file = Some(leftover.path.to_string_lossy().into_owned());
            findings.push(finding);
        }
        findings
    }
}
