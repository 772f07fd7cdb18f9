"""The parts of `course.pretrain_encoder`, which trains the drawn world's encoder."""
