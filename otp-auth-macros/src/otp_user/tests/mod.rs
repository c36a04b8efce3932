mod mistakes;
mod recovery;
mod snapshots;

use super::{Features, derive};

/// Every backend is enabled.
const FEATURES: Features = Features { sqlite: true, postgres: true, mysql: true, mongodb: true };
