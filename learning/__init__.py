"""What is learned: numpy and scipy functions and values. No Redis, SQL, clock, environment or global randomness."""
