#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# _text and _content: words, expressions of words, phrases, long texts.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
sub ask { return $t->get("/dev/r4/$_[0]") }

# ---- more words than a tsvector holds ----
my $book = join ' ', 'first', map { "w$_" . 'x' x 20 } 1 .. 60000;
$t->load({ resourceType => 'Basic', id => 'book', code => { text => 'last' },
        text => { status => 'generated', div => qq{<div xmlns="http://www.w3.org/1999/xhtml">$book</div>} } },
    { resourceType => 'Basic', id => 'page', code => { text => 'b' }, text => { status => 'generated',
            div => '<div xmlns="http://www.w3.org/1999/xhtml">first resourcetype</div>' } });
is(ask('Basic?_text=first')->found, 'book page', '_text');
is(ask('Basic?_content=first')->found, 'book page', '_content');
is(ask('Basic?_content=resourceType')->found, 'page', '_content is of values, not of names');

# ---- expressions ----
my %noted = (n1 => 'Bone and liver', n2 => 'Metastases of the liver', n3 => 'bone metastases',
    n4 => 'Heart. No metastases.');
$t->load(map { { resourceType => 'Basic', id => $_, code => { text => 'x' },
        text => { status => 'generated',
            div => qq(<div xmlns="http://www.w3.org/1999/xhtml">$noted{$_}</div>) } } } keys %noted);
is(ask("Basic?_text=$_->[0]")->found, $_->[1], "_text=$_->[0]")
    for ['(bone%20OR%20liver)%20and%20metastases' => 'n2 n3'], ['metastases%20(bone%20or%20liver)' => 'n2 n3'],
    ['bone%20or%20liver%20and%20metastases' => 'n1 n2 n3'],
    ['LIVER' => 'n1 n2'], ['metastases%20-liver' => 'n3 n4'], ['metastases%20not%20(liver%20or%20bone)' => 'n4'],
    ['%22of%20the%20liver%22' => 'n2'],
    ['%22liver%20of%22' => ''], ['%22and%22' => 'n1'], ['NOT%20metastases%20and%20liver' => 'n1'],
    ['heart,%20no' => 'n4'];
is(ask('Basic?_content=(liver%20or%20bone)%20-metastases')->found, 'n1', '_content knows them, too');
is_outcome($t->get("/dev/r4/Basic?_text=$_->[0]"), 400, 'invalid', $_->[1], "_text=$_->[0]")
    for ['(bone' => qr/closing bracket expected at character 6/], ['bone)' => qr/Nothing expected at character 5/],
    ['bone%20or' => qr/word expected/],
    ['()' => qr/word expected/], ['(' x 30 => qr/Less depth/];
is(ask("Basic?_text=$_->[0]")->found, $_->[1], "_text=$_->[0]")
    for ["liver%20'" => 'n1 n2'], ["'liver'%20%26%20!%20%5C" => 'n1 n2'], ['liver:*%20%22%22' => 'n1 n2'],
    ['liver%20' x 500 => 'n1 n2'], ["liver|'%20heart%20%5C'" => ''];
is_outcome($t->get('/dev/r4/Basic?_text=' . 'x%20' x 501), 400, 'too-costly', qr/at most 500 words/, 'too many words');

$t->done;
