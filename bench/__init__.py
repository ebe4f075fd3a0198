"""The benchmarks: figures of the server beside baselines that run in the same minutes, on the same machine."""
