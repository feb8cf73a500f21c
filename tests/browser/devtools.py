"""A headless browser, driven through its DevTools protocol over a pipe. Standard library only."""
import base64
import collections
import json
import os
import select
import subprocess
import tempfile
import time
import zlib


class Browser:
    """One page of a headless chromium, without network; everything the page says is kept."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(prefix='ptq-browser-')
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def give_pipes():  # the browser reads from descriptor 3 and writes to 4
            high_in, high_out = os.dup(to_browser), os.dup(from_browser)
            high_in, high_out = (os.dup2(high_in, 100), os.dup2(high_out, 101))
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            [program, '--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
             '--no-first-run', '--disable-extensions', '--disable-background-networking',
             '--hide-scrollbars', '--force-color-profile=srgb',
             '--user-data-dir=' + self.profile.name, 'about:blank'],
            preexec_fn=give_pipes, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b''
        self.last_id = 0
        self.session = None
        self.events = []
        targets = self.call('Target.getTargets')['targetInfos']
        page = next(t for t in targets if t['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=page['targetId'],
                                 flatten=True)['sessionId']
        for domain in ('Page', 'Network', 'Log', 'Runtime'):
            self.call(domain + '.enable')

    def close(self):
        os.close(self.write_end)
        self.process.terminate()
        self.process.wait(timeout=30)
        os.close(self.read_end)
        self.profile.cleanup()

    def receive(self, seconds):
        """The next message, or None after so many seconds."""
        end = time.monotonic() + seconds
        while b'\0' not in self.buffer:
            ready, _, _ = select.select([self.read_end], [], [], max(0, end - time.monotonic()))
            if not ready:
                return None
            chunk = os.read(self.read_end, 1 << 20)
            if not chunk:
                raise RuntimeError('the browser ended')
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.last_id += 1
        message = {'id': self.last_id, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.write_end, data):]
        while True:
            answer = self.receive(60)
            if answer is None:
                raise RuntimeError('no answer to ' + method)
            if answer.get('id') == self.last_id:
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']))
                return answer['result']
            self.events.append(answer)

    def wait_for(self, method):
        while not any(e.get('method') == method for e in self.events):
            event = self.receive(60)
            if event is None:
                raise RuntimeError('no ' + method)
            self.events.append(event)

    def show(self, path, width, height, scheme):
        """Loads a file in a window of that size, with the scheme "light" or "dark"."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia',
                  features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.events = []
        self.call('Page.navigate', url='file://' + os.path.abspath(path))
        self.wait_for('Page.loadEventFired')

    def evaluate(self, expression):
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(str(result['exceptionDetails']))
        return result['result'].get('value')

    def complaints(self):
        """What the page wrote to the console, threw or was refused."""
        kinds = ('Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded',
                 'Network.loadingFailed')
        return [e for e in self.events if e.get('method') in kinds]

    def requests(self):
        return [e['params']['request']['url'] for e in self.events
                if e.get('method') == 'Network.requestWillBeSent']

    def screenshot(self, rectangle=None):
        """PNG bytes of the whole page, or of {x, y, width, height} on it."""
        if rectangle is None:
            size = self.evaluate('[document.documentElement.clientWidth,'
                                 'document.documentElement.scrollHeight]')
            rectangle = {'x': 0, 'y': 0, 'width': size[0], 'height': size[1]}
        shot = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True,
                         clip={**rectangle, 'scale': 1})
        return base64.b64decode(shot['data'])


def colours_of_png(png):
    """How often each (red, green, blue) stands in a PNG of 8 bits a channel, not interlaced."""
    position, data, header = 8, b'', None
    while position < len(png):
        size = int.from_bytes(png[position:position + 4], 'big')
        kind = png[position + 4:position + 8]
        content = png[position + 8:position + 8 + size]
        if kind == b'IHDR':
            header = content
        elif kind == b'IDAT':
            data += content
        position += size + 12
    width, height = int.from_bytes(header[:4], 'big'), int.from_bytes(header[4:8], 'big')
    channels = {2: 3, 6: 4}[header[9]]
    raw = zlib.decompress(data)
    stride = width * channels
    above, colours = bytearray(stride), collections.Counter()
    for y in range(height):
        kind = raw[y * (stride + 1)]
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            up = above[i]
            corner = above[i - channels] if i >= channels else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                              (abs(guess - corner), 2, corner))[2]
                line[i] = (line[i] + nearest) & 255
        above = line
        colours.update(tuple(line[i:i + 3]) for i in range(0, stride, channels))
    return colours
