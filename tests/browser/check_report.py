#!/usr/bin/env python3
"""The page of `ptq report` in a real browser, in light and dark, at 400 and 1280 pixels.

Makes the documents of the residual network of data/ with every verb, and of a made-up model with
hostile names, and asks of each page:

- no word on the console, no request but for the page itself;
- nothing is wider than the window, folded tables opened or not;
- in every plot no two labels overlap, none lies outside of the window, axes have titles, and of
  every colour of its data pixels are painted (a legend explains those of more than one);
- text stands out from its background (contrast of at least 4.5, as WCAG 2 AA asks);
- both schemes differ.

Exit code 77 (skipped) unless PTQ_TEST_BROWSER=1: tools/test.sh --browser installs chromium.
--shots FOLDER keeps the screenshots.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from devtools import Browser, colours_of_png

SKIPPED = 77
SIZES = ((400, 800), (1280, 900))
NEAR = 40        # how far the paint of antialiased lines may be from its colour, summed over channels
FEWEST_PIXELS = 6
HOSTILE = '</title></style><script>console.log(1)</script><img src="https://example.com/a.png">\'"&\u202e'

# Overlapping or lost labels, wide elements, faint text: a list of sentences.
INSPECT = r'''(() => {
  const found = [];
  const say = text => { if (found.length < 20) found.push(text); };
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) say('the page is wider than the window');
  const plots = [...document.querySelectorAll('svg[role=img]')];
  if (plots.length < PLOTS) say('only ' + plots.length + ' plots');
  for (const plot of plots) {
    const name = plot.getAttribute('aria-label');
    const frame = plot.closest('.plot') || plot;
    if (frame !== plot && !(frame.querySelector('.xtitle') || {}).textContent) say(`${name}: no title of the x axis`);
    if (plot.clientHeight > 100 && frame !== plot && !frame.querySelector('.ytitle').textContent) say(`${name}: no title of the y axis`);
    const labels = [...frame.querySelectorAll('text, .ytitle, .xtitle')]
      .map(e => [e.textContent, e.getBoundingClientRect()])
      .filter(([text, box]) => text && box.width > 0);
    labels.forEach(([text, box], i) => {
      if (box.left < 0 || box.right > wide + 0.5) say(`${name}: "${text}" is outside of the window`);
      for (const [other, b] of labels.slice(i + 1)) {
        const across = Math.min(box.right, b.right) - Math.max(box.left, b.left);
        const down = Math.min(box.bottom, b.bottom) - Math.max(box.top, b.top);
        if (across > 0.5 && down > 2) say(`${name}: "${text}" lies on "${other}"`);
      }
    });
  }
  const light = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/rgba\(.*, 0\)/.test(colour)) return colour;
    }
    return 'rgb(255,255,255)';
  };
  for (const e of document.querySelectorAll('p, dt, dd, li, th, td, h1, h2, h3, summary, text, .badge, .ytitle, .xtitle, figcaption')) {
    const style = getComputedStyle(e);
    const ink = light(e.tagName === 'text' ? style.fill : style.color), paper = light(behind(e));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)} of "${e.textContent.slice(0, 40)}"`);
  }
  return found;
})()'''

# Label, place on the page and colours of the data of each plot: of whatever is no grid, axis, band,
# limit or text, lines by their stroke and the others by their fill.
PLOT_AREAS = r'''[...document.querySelectorAll('svg[role=img]')].map(e => {
  const b = e.getBoundingClientRect();
  const colours = new Set();
  for (const part of e.querySelectorAll('rect, circle, path, line')) {
    if (/grid|axis|tickmark|track|zgood|zmid|zbad|zero|limit|expected|thin|whisker/.test(part.getAttribute('class') || '')) continue;
    const box = part.getBoundingClientRect(), style = getComputedStyle(part);
    const seen = Math.min(box.right, b.right) - Math.max(box.left, b.left) > 0.4 ||
                 Math.min(box.bottom, b.bottom) - Math.max(box.top, b.top) > 0.4;
    if (!seen) continue;
    const colour = style.fill === 'none' || part.tagName === 'line' || /ring/.test(part.className.baseVal)
      ? style.stroke : style.fill;
    colours.add(colour);
  }
  return [e.getAttribute('aria-label'),
          {x: b.left + scrollX, y: b.top + scrollY, width: b.width, height: b.height},
          [...colours]];
})'''


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--ptq', required=True)
    parser.add_argument('--data', required=True)
    parser.add_argument('--shots')
    return parser.parse_args()


def run(ptq, *words):
    done = subprocess.run([ptq, *words, '-q'], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit('failed: ptq %s\n%s' % (' '.join(words), done.stderr))


def real_page(ptq, data, folder):
    """All documents about the residual network of data/, and the page made of them."""
    model = os.path.join(data, 'fashion_resnet.onnx')
    test = os.path.join(data, 'fashion_test.npz')
    for stratum, source in (('catalogue', 'fashion_calib.npz'), ('shop', 'fashion_test.npz')):
        os.makedirs(os.path.join(folder, 'calib', stratum))
        shutil.copy(os.path.join(data, source), os.path.join(folder, 'calib', stratum, 'a.npz'))
    samples, stats, int8 = (os.path.join(folder, n) for n in ('calib', 's.ptqstats', 'q.onnx'))
    production = os.path.join(folder, 'p.ptqstats')
    json_out = lambda verb: ['--json-out', os.path.join(folder, verb + '.json')]
    run(ptq, 'data', 'check', model, '--data', samples, *json_out('data'))
    run(ptq, 'calibrate', model, '--data', samples, '--samples', '300', '-o', stats,
        *json_out('calibrate'))
    run(ptq, 'calibrate', model, '--data', test, '-o', production)
    run(ptq, 'coverage', '--calibration', stats, '--production', production, *json_out('coverage'))
    run(ptq, 'diagnose', model, '--data', samples, '--samples', '300', *json_out('diagnose'))
    run(ptq, 'quantize', model, '--stats', stats, '-o', int8, *json_out('quantize'))
    run(ptq, 'validate', model, int8, '--data', test, '--labels', 'labels', '--max-drop', '1',
        *json_out('validate'))
    run(ptq, 'bench', model, int8, '--data', test, '--samples', '4', '--runs', '5',
        *json_out('bench'))
    return make_page(ptq, folder, 'real')


def make_page(ptq, folder, name):
    documents = sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith('.json'))
    page = os.path.join(folder, name + '.html')
    run(ptq, 'report', *documents, '-o', page)
    return page


def hostile_page(ptq, folder):
    """A made-up model of 400 tensors, all figures large, all names hostile."""
    def name(i):
        return '%s/%s%d' % ('x' * (i % 90), HOSTILE, i)

    def row(i):
        ratio = 1 + (i * 37 % 400) ** 2
        def edge(k):  # each estimator has its own, else its line would hide another
            return {'lo': -1e-5 * ratio * k, 'hi': 1e-5 * ratio * k, 'sqnr_db': 30,
                    'clipped_fraction': 1e-7}

        return {'name': name(i), 'position': i, 'severity': ('easy', 'hard', HOSTILE)[i % 3],
                'outlier_ratio': ratio, 'expected_ratio': 3, 'reason': HOSTILE * 3,
                'estimator': 'mse', 'sqnr_db_8bit': 60 - i % 90, 'sqnr_db_4bit': 30 - i % 60,
                'histogram': {'min': -1e-5 * ratio, 'max': 1e-5 * ratio,
                              'counts': [10 ** (k % 12) for k in range(64)]},
                'candidates': {'absmax': edge(1), 'percentile': edge(0.8), 'mse': edge(0.5)}}

    def layer(i):
        return {'node': name(i), 'op_type': HOSTILE, 'position': i, 'activation': name(i),
                'predicted_8bit': {'kl': {'lo': -1e-6, 'hi': 1e-6}},
                'weight': {'name': name(i), 'channels': 10 ** (i % 7), 'spread': i,
                           'channel_absmax': [1e-9 * i, i / 50, i / 9, i, 1000 * i + 1]},
                'noise': {'activation': 10.0 ** -(i % 9), 'weight_8bit': 10.0 ** -(i % 5)}}

    inputs = [{'path': '/tmp/' + HOSTILE + 'm' * 200 + '.onnx'}]
    strata = [{'name': HOSTILE + str(s), 'samples': 10 ** s, 'extremes':
               [{'name': name(i), 'min': 0, 'max': 10.0 ** ((i * (s + 1)) % 17 - 8)}
                for i in range(400)]} for s in range(8)]
    documents = {
        'diagnose': {
            'tensors': [row(i) for i in range(400)],
            'layers': [layer(i) for i in range(400)],
            'findings': [{'code': HOSTILE, 'severity': HOSTILE, 'layer': name(i),
                          'message': HOSTILE} for i in range(400)],
            'channels': {'samples': 64, 'still': [
                {'activation': name(i), 'channels': 99999, 'zero_count': 20000, 'constant_count': 9,
                 'zero': [10 ** 4 + k for k in range(64)]} for i in range(60)]},
            'calibration_set': {'samples': 300, 'duplicates': 7, 'convergence': [
                {'name': name(i), 'growth_percent': i ** 2 / 9, 'halves_distance': 0.1,
                 'enough': i < 7, 'more_samples': i} for i in range(400)]}},
        'calibrate': {'tensors': [{'name': name(i)} for i in range(400)], 'strata': strata},
        'validate': {'layers': [{'name': name(i), 'op': HOSTILE, 'depth': i, 'sqnr_db': 60 - i / 5,
                                 'alone_sqnr_db': 99 - i / 9} for i in range(400)],
                     'gates': [{'name': HOSTILE, 'passed': False, 'text': HOSTILE * 4}],
                     'task': {'metrics': [
                         {'title': HOSTILE, 'unit': '%', 'judged': True, 'drop': 12.25,
                          'fp32': 1e9, 'quantized': -1e9, 'method': HOSTILE,
                          'interval': {'lower': 5.5, 'upper': 19}}]},
                     'worst': [{'sample': name(i), 'output': name(i), 'label': 10 ** 9}
                               for i in range(60)]},
        'bench': {'summary': {
            'speedup': {'median': 0.01},
            'fp32_ms': {'median': 1e-3, 'lower': 1e-4, 'upper': 2e-3},
            'quantized_ms': {'median': 123456, 'lower': 1e5, 'upper': 2e5}}},
    }
    os.makedirs(folder)
    for verb, document in documents.items():
        document.update(schema='ptq.%s/1' % verb, status='pass', inputs=inputs,
                        warnings=[HOSTILE])
        with open(os.path.join(folder, verb + '.json'), 'w') as out:
            json.dump(document, out)
    return make_page(ptq, folder, 'hostile')


def rgb(colour):
    """(1, 2, 3) of "rgb(1, 2, 3)"."""
    return tuple(int(part) for part in re.findall(r'\d+', colour)[:3])


def check(browser, page, size, scheme, plots, shots):
    """What is wrong with the page at that size and in that scheme, and its background."""
    browser.show(page, *size, scheme)
    place = '%s %d %s: ' % (os.path.basename(page), size[0], scheme)
    wrong = [place + str(c) for c in browser.complaints()]
    address = 'file://' + os.path.abspath(page)
    wrong += [place + 'request ' + url for url in browser.requests()
              if url != address and not url.startswith('data:')]
    inspect = INSPECT.replace('PLOTS', str(plots))
    wrong += [place + text for text in browser.evaluate(inspect)]
    paper = browser.evaluate('getComputedStyle(document.body).backgroundColor')
    blank = rgb(paper)
    for label, area, colours in browser.evaluate(PLOT_AREAS):
        painted = colours_of_png(browser.screenshot(area))
        if not colours:
            wrong.append(place + label + ': holds no data')
        for colour in map(rgb, colours):
            if len(colour) != 3 or colour == blank:
                wrong.append(place + '%s: data in the colour %s' % (label, colour))
                continue
            pixels = sum(count for seen, count in painted.items()
                         if sum(abs(a - b) for a, b in zip(seen, colour)) <= NEAR)
            if pixels < FEWEST_PIXELS:
                wrong.append(place + '%s: %d pixels of %s are painted' % (label, pixels, colour))
    if shots:
        os.makedirs(shots, exist_ok=True)
        name = '%s-%d-%s.png' % (os.path.basename(page)[:-5], size[0], scheme)
        with open(os.path.join(shots, name), 'wb') as out:
            out.write(browser.screenshot())
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wrong += [place + 'unfolded: ' + text for text in browser.evaluate(inspect)]
    wrong += [place + str(c) for c in browser.complaints()]
    return wrong, paper


def main():
    args = arguments()
    program = shutil.which('chromium') or shutil.which('chromium-browser')
    if os.environ.get('PTQ_TEST_BROWSER') != '1' or program is None:
        print('skipped: tools/test.sh --browser installs chromium and runs this test')
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix='ptq-report-') as folder:
        real = os.path.join(folder, 'real')
        pages = ((real_page(args.ptq, args.data, real), 14),
                 (hostile_page(args.ptq, os.path.join(folder, 'hostile')), 11))
        browser = Browser(program)
        try:
            wrong = []
            for page, plots in pages:
                for size in SIZES:
                    papers = []
                    for scheme in ('light', 'dark'):
                        found, paper = check(browser, page, size, scheme, plots, args.shots)
                        wrong += found
                        papers.append(paper)
                    if papers[0] == papers[1]:
                        wrong.append('light and dark look the same')
        finally:
            browser.close()
    print('\n'.join(wrong) if wrong else 'both pages are fine in both schemes at 400 and 1280')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
