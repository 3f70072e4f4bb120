// look.js BOOK PICTURES: what `run`, beside this file, says.
const { chromium } = require('playwright-core');
const fs = require('fs');
const http = require('http');
const path = require('path');

const [book, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const types = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.json': 'application/json' };
const widths = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const pictured = ['introduction.html', 'quick-start.html', 'adopting.html', 'cli.html', 'monitoring.html', 'reference/dssuser.html'];
// What a reader would type, and a page that has to be found.
const searches = { AwaitingAcknowledgement: 'reasons', delegation: 'delegation', freeze: 'rules' };

const server = http.createServer((request, answer) => {
    const file = path.join(book, decodeURIComponent(new URL(request.url, 'http://book').pathname));
    fs.readFile(file, (error, content) => {
        answer.writeHead(error ? 404 : 200, { 'content-type': types[path.extname(file)] || 'application/octet-stream' });
        answer.end(error ? '' : content);
    });
});

function pagesOf(folder) {
    return fs.readdirSync(path.join(book, folder), { withFileTypes: true }).flatMap((entry) => {
        const name = path.join(folder, entry.name);
        return entry.isDirectory() ? pagesOf(name) : name.endsWith('.html') ? [name] : [];
    });
}

async function look(context, base, width, pages, found) {
    const page = await context.newPage();
    page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol !== 'data:' && `${origin}/` !== base) found.add(`a request leaves the book: ${request.url()}`);
    });
    page.on('response', (response) => response.status() >= 400 && found.add(`missing: ${response.url().replace(base, '')}`));
    page.on('pageerror', (error) => found.add(`${page.url().replace(base, '')}: ${error.message}`));
    for (const name of pages) {
        await page.goto(base + name, { waitUntil: 'load' });
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (beyond > 1) found.add(`${name} scrolls sideways at the ${width} width, by ${beyond} px`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
        for (const { impact, id, nodes } of violations) {
            if (['serious', 'critical'].includes(impact)) found.add(`${name}: ${impact}: ${id} at ${nodes[0].target.join(' ')}`);
        }
        if (pictured.includes(name)) {
            await page.screenshot({ path: path.join(pictures, `${width}-${name.replace('/', '-').replace('.html', '.png')}`) });
        }
    }
    await page.goto(`${base}introduction.html`);
    await page.keyboard.press('s');
    for (const [words, wanted] of Object.entries(searches)) {
        await page.fill('#mdbook-searchbar', '');
        await page.type('#mdbook-searchbar', words);
        const result = page.locator(`#mdbook-searchresults a[href*="${wanted}"]`).first();
        await result.waitFor({ timeout: 20000 }).catch(() => found.add(`the search for ${words} does not find ${wanted}`));
    }
}

async function main() {
    fs.mkdirSync(pictures, { recursive: true });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    const base = `http://127.0.0.1:${server.address().port}/`;
    const pages = pagesOf('').filter((name) => !['404.html', 'index.html', 'print.html', 'toc.html'].includes(name));
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
    const found = new Set();
    for (const [width, viewport] of Object.entries(widths)) {
        const context = await browser.newContext({ viewport });
        await look(context, base, width, pages, found);
        await context.close();
    }
    await browser.close();
    server.close();
    found.forEach((fault) => console.error(fault));
    console.log(`${pages.length} pages looked at, at ${Object.keys(widths).length} widths: ${found.size} faults`);
    process.exitCode = found.size ? 1 : 0;
}

main();
