#!/usr/bin/env python3
"""Calibrates a model on the workers of a Dask cluster; the file is that of one run, to the byte.

  dask_calibrate.py -o MODEL.ptqstats --shards 16 [--scheduler tcp://HOST:8786] -- \\
      MODEL.onnx --data FOLDER ...

Behind -- stand the arguments of `ptq calibrate`. Every worker needs the program, the model and the
data under the same paths. Without --scheduler two local workers are started. A shard whose worker
dies is given to another one.
"""
import argparse
import os
import subprocess
import tempfile

from dask.distributed import Client, LocalCluster, as_completed, get_worker


def calibrate(ptq, arguments, shard):
    """On a worker: the bytes of the statistics of one shard, and who made them."""
    with tempfile.TemporaryDirectory() as folder:
        part = os.path.join(folder, 'part.ptqstats')
        run = subprocess.run([ptq, 'calibrate', *arguments, '--shard', shard, '-o', part, '-q'],
                             capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f'shard {shard}: {run.stderr.strip()}')
        with open(part, 'rb') as file:
            return file.read(), get_worker().address


def main():
    parser = argparse.ArgumentParser(description='ptq calibrate on a Dask cluster')
    parser.add_argument('-o', '--output', required=True, help='statistics file')
    parser.add_argument('--shards', type=int, default=16, help='parts, more than workers')
    parser.add_argument('--scheduler', help='address of the cluster')
    parser.add_argument('--ptq', default='ptq', help='the program')
    parser.add_argument('arguments', nargs='+', help='of `ptq calibrate`')
    options = parser.parse_args()
    cluster = options.scheduler or LocalCluster(n_workers=2, threads_per_worker=1,
                                                dashboard_address=None)
    with Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        client.wait_for_workers(1 if options.scheduler else 2)
        shards = [f'{i}/{options.shards}' for i in range(options.shards)]
        tasks = client.map(calibrate, [options.ptq] * len(shards),
                           [options.arguments] * len(shards), shards, pure=False)
        parts = []
        for _, (statistics, worker) in as_completed(tasks, with_results=True):
            parts.append(os.path.join(folder, f'{len(parts)}.ptqstats'))
            with open(parts[-1], 'wb') as file:
                file.write(statistics)
            print(f'{len(parts)} of {len(shards)} shards, this one from {worker}', flush=True)
        subprocess.run([options.ptq, 'merge', *parts, '-o', options.output], check=True)


if __name__ == '__main__':
    main()
