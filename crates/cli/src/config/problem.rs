//! What is wrong with a configuration is told like what is wrong with a profile, which may be a part of it.

use crate::exit::Failure;

pub(crate) use renewd_profiles::{ADVISED_MAX, Problem, Problems, cut, nearest, shown};

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::configuration(problems.to_string())
    }
}
