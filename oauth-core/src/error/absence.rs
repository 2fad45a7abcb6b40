//! What stood where a document should have been.

use serde::{Deserialize, Serialize};

use crate::json::Defect;
use crate::timeline::Finding;

/// What stood where a document should have been; of several places, what tells most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Absence {
    /// Nothing, say the places: their statuses are 404, 405 or 410.
    #[default]
    Nothing,
    /// Something that is not the document, or cannot be used as it is.
    Unusable {
        /// What is wrong with it.
        defect: Defect,
    },
    /// Nobody knows: a place answers with a refusal, as a firewall does, or a server that wants a login for
    /// its metadata.
    Refused {
        /// The status of that answer.
        status: u16,
    },
}

impl Absence {
    /// Notes what another place has answered.
    pub(crate) fn note(&mut self, status: u16, finding: &Finding) {
        let found = match finding {
            Finding::NothingHere { defect: Some(defect) } => {
                Self::Unusable { defect: defect.clone() }
            }
            Finding::NothingHere { defect: None } if !matches!(status, 404 | 405 | 410) => {
                Self::Refused { status }
            }
            _ => Self::Nothing,
        };
        if self.tells() < found.tells() {
            *self = found;
        }
    }

    /// Whether there is none for certain: nobody refused to say, and a page is what any web application
    /// answers with.
    pub(crate) fn is_certain(&self) -> bool {
        self.tells() <= 1
    }

    /// Whether there seems to be a document. A page is as likely what stands at a URL that was mistyped.
    pub(super) fn is_for_the_operator(&self) -> bool {
        !self.is_certain()
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// A document that is nearly one tells most; any web application answers with pages.
    fn tells(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Unusable { defect: Defect::Html | Defect::Redirect | Defect::Empty } => 1,
            Self::Refused { .. } => 2,
            Self::Unusable { .. } => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_most_is_kept() {
        let absent = |defect| Finding::NothingHere { defect };
        let page = || (200, absent(Some(Defect::Html)));
        let member = || (200, absent(Some(Defect::missing("issuer"))));
        let status = |status| (status, absent(None));
        for (answers, kept) in [
            ([status(404), status(410)], Absence::Nothing),
            ([status(405), page()], Absence::Unusable { defect: Defect::Html }),
            ([page(), status(403)], Absence::Refused { status: 403 }),
            ([status(401), status(403)], Absence::Refused { status: 401 }),
            ([member(), status(403)], Absence::Unusable { defect: Defect::missing("issuer") }),
            ([page(), member()], Absence::Unusable { defect: Defect::missing("issuer") }),
        ] {
            let mut absence = Absence::default();
            answers.iter().for_each(|(status, finding)| absence.note(*status, finding));
            assert_eq!(absence, kept);
        }
    }
}
