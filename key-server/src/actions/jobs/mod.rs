//! The queue of jobs: how sources become versions (docs/WORKFLOW.md, "Jobs").
