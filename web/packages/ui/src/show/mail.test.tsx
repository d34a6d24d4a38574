import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { MailBody } from './MailBody';

describe('a mail that was sent', () => {
  it('is rebuilt of its words: nothing in it runs, loads or looks like ours', () => {
    const html = '<html><head><style>*{display:none}</style></head><body><div style="position:fixed" onclick="x()"><h1>Dear Anna</h1><p>Your <b>money</b> is there.</p><img src="https://tracker.example/p.gif"><script>alert(1)</script><a href="javascript:alert(2)">Open</a><form action="/api/v1/x"><button>Pay</button></form></div></body></html>';
    const { container } = render(<MailBody html={html} text={null} lang="en" dir="ltr" />);
    expect(screen.getByText('money').tagName).toBe('B');
    expect(container.querySelector('img, script, style, a, form, button, [style], [onclick], [href], [src]')).toBeNull();
    expect(container.textContent).toContain('Open javascript:alert(2)');
    expect(container.textContent).not.toContain('alert(1)');
    expect(container.querySelector('h4')?.textContent).toBe('Dear Anna');
  });

  it('without pages of its own is its text', () => {
    render(<MailBody html={null} text={'Dear Anna,\nall is well.'} lang="en" dir="ltr" />);
    expect(screen.getByText(/all is well/).tagName).toBe('PRE');
  });
});
