// What mdBook's theme leaves to be desired: keyboards reach what scrolls, and the sidebar's switch says what it is.
(() => {
    const toggle = document.getElementById('mdbook-sidebar-toggle');
    if (toggle) {
        toggle.setAttribute('role', 'button');
        toggle.setAttribute('tabindex', '0');
        toggle.addEventListener('keydown', (event) => {
            if (event.key === 'Enter' || event.key === ' ') {
                event.preventDefault();
                toggle.click();
            }
        });
    }
    const reach = () => {
        for (const box of document.querySelectorAll('.table-wrapper, pre > code')) {
            if (box.scrollWidth > box.clientWidth) {
                box.setAttribute('tabindex', '0');
            } else {
                box.removeAttribute('tabindex');
            }
        }
    };
    window.addEventListener('resize', reach);
    window.addEventListener('load', reach);
    reach();
})();
