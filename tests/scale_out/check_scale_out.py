#!/usr/bin/env python3
"""A calibration that is spread over workers gives the bytes of one run.

  check_scale_out.py jobs   the job arrays of docs/scale_out.md: runs their commands for each index
  check_scale_out.py dask   dask_calibrate.py with two local workers, one of which is killed;
                            exit code 77 (skipped) when dask is not installed: tools/test.sh --dask
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('part', choices=('jobs', 'dask'))
    parser.add_argument('--ptq', required=True, help='the program')
    parser.add_argument('--data', required=True, help='the folder data/ of the repository')
    parser.add_argument('--document', required=True, help='docs/scale_out.md')
    parser.add_argument('--venv', default='', help='virtual environment with dask')
    return parser.parse_args()


options = arguments()
MODEL = os.path.join(options.data, 'fashion_resnet.onnx')
SAMPLES = os.path.join(options.data, 'fashion_calib.npz')


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def one_run(folder):
    path = os.path.join(folder, 'one.ptqstats')
    subprocess.run([options.ptq, 'calibrate', MODEL, '--data', SAMPLES, '-o', path, '-q'],
                   check=True)
    return read(path)


def block(language, mark):
    """The fenced block of the document in `language` that holds `mark`."""
    text = read(options.document).decode()
    found = [body for body in re.findall(f'```{language}\n(.*?)```', text, re.S) if mark in body]
    assert len(found) == 1, f'expected one {language} block with {mark}, found {len(found)}'
    return found[0]


def command_of(job):
    """The block scalar behind `args:` of a Kubernetes Job, without its indentation."""
    indented = re.search(r'args:\n +- \|\n(( {12,}.*\n)+)', job).group(1)
    return re.sub(r'^ {12}', '', indented, flags=re.M)


def shell(script, folder, **variables):
    """Runs a script of the document with the variables that it and its engine use."""
    environment = dict(os.environ, PATH=os.path.dirname(options.ptq) + ':' + os.environ['PATH'],
                       MODEL=MODEL, DATA=SAMPLES, PARTS=folder, **variables)
    run = subprocess.run(['bash', '-ec', script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, f'{script}\nended with {run.returncode}: {run.stderr}'


def check_jobs():
    slurm = block('sh', '#SBATCH --array')
    count = int(re.search(r'--array=0-(\d+)', slurm).group(1)) + 1
    job = block('yaml', 'completionMode: Indexed')
    completions = int(re.search(r'completions: (\d+)', job).group(1))
    shards = int(re.search(r'name: SHARDS, value: "(\d+)"', job).group(1))
    assert completions == shards, f'{completions} completions of {shards} shards'
    merge = block('sh', 'job-name=ptq-merge')
    with tempfile.TemporaryDirectory() as folder:
        expected = one_run(folder)
        for engine in ('slurm', 'kubernetes'):
            parts = os.path.join(folder, engine)
            os.mkdir(parts)
            for index in reversed(range(count if engine == 'slurm' else completions)):
                if engine == 'slurm':
                    shell(slurm, parts, SLURM_ARRAY_TASK_ID=str(index),
                          SLURM_ARRAY_TASK_COUNT=str(count), SLURM_CPUS_PER_TASK='2')
                else:
                    shell(command_of(job), parts, JOB_COMPLETION_INDEX=str(index),
                          SHARDS=str(shards))
            output = os.path.join(folder, engine + '.ptqstats')
            shell(merge, parts, OUTPUT=output)
            assert read(output) == expected, f'{engine}: the merge differs from one run'
            print(f'{engine}: the merge of {len(os.listdir(parts))} shards is the one run')


# Kills the Dask worker that starts it for the first time, then stands for the program.
DEADLY = '''#!/bin/sh
if [ "$1" = calibrate ] && mkdir "{mark}" 2>/dev/null; then kill -9 $PPID; exit 1; fi
exec "{ptq}" "$@"
'''


def check_dask():
    python = os.path.join(options.venv, 'bin', 'python')
    if not os.path.exists(python) or subprocess.run(
            [python, '-c', 'import dask.distributed'], capture_output=True).returncode != 0:
        print('skipped: dask is not installed; tools/test.sh --dask installs it')
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        expected = one_run(folder)
        deadly = os.path.join(folder, 'deadly_ptq')
        mark = os.path.join(folder, 'one_was_killed')
        with open(deadly, 'w', encoding='utf-8') as file:
            file.write(DEADLY.format(mark=mark, ptq=options.ptq))
        os.chmod(deadly, 0o755)
        output = os.path.join(folder, 'dask.ptqstats')
        run = subprocess.run(
            [python, os.path.join(HERE, 'dask_calibrate.py'), '--ptq', deadly, '--shards', '8',
             '-o', output, '--', MODEL, '--data', SAMPLES, '--threads', '1'],
            capture_output=True, text=True, timeout=600)
        print(run.stdout)
        assert run.returncode == 0, run.stderr
        assert os.path.isdir(mark), 'no worker was killed'
        workers = set(re.findall(r'from (\S+)', run.stdout))
        assert len(workers) >= 2, f'expected two workers, found {workers}'
        assert read(output) == expected, 'the merge differs from one run'


check_jobs() if options.part == 'jobs' else check_dask()
